"""Whether two names are the same, or only look so: of classes, of people and of files.

Unicode has several ways to write é, several spaces, and characters that nobody sees; file systems
and hands choose among them. One person under two names would be in training and in the test.
"""

import re
import unicodedata

# Besides control and format characters (Cc, Cf): fillers, joiners, and selectors of variants.
UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\ufe00-\ufe0f\U000e0100-\U000e01ef]"
)
CYRILLIC_AND_GREEK = "АВЕКМНОРСТУХЅІЈаеорсухѕіјΑΒΕΖΗΙΚΜΝΟΡΤΥΧαορν"
LATIN = "ABEKMHOPCTYXSIJaeopcyxsijABEZHIKMNOPTYXaopv"
LOOKS_LATIN = str.maketrans(CYRILLIC_AND_GREEK, LATIN)


def plain_name(name: str) -> str:
    r"""Return a name in the one form by which it is compared: two that share it are the same.

    Example:
        >>> plain_name(" Jose\u0301\u200b  B") == "José B"
        True
    """
    visible = ""
    for character in UNSEEN.sub("", unicodedata.normalize("NFKC", name)):
        if character.isspace():
            visible += " "
        elif unicodedata.category(character) not in ("Cc", "Cf"):
            visible += character
    return unicodedata.normalize("NFC", " ".join(visible.split()))


def look(name: str) -> str:
    """Return what a plain name has in common with those that a reader could take for it.

    They differ in capitals, accents, spaces and dashes, or in letters of another alphabet.

    Example:
        >>> look("ANNA_B") == look("\u0430nn\u00e1-b")
        True
    """
    letters = unicodedata.normalize("NFD", name.translate(LOOKS_LATIN)).casefold()
    bare = (letter for letter in letters if not unicodedata.combining(letter))
    return re.sub("[ _\u2010-\u2015-]+", " ", "".join(bare))
