"""What a page of the book needs beside its subject.

``expects`` says what a page expects of its results, ``errors`` adds advice to errors of other
libraries, and ``measured`` reads what took too long for a page.
"""

from .errors import explain_errors
from .expects import page_expects

__all__ = ["explain_errors", "page_expects"]
