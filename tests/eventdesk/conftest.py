"""What the tests of the desk share: a folder of recordings, and its commands."""

import pytest
from test_folders import fill

from eventdesk.commands.main import main


@pytest.fixture
def folder(tmp_path):
    return fill(tmp_path)


@pytest.fixture
def run(capsys):
    """A function that runs a command and returns the lines that it prints."""

    def run_command(*words):
        capsys.readouterr()
        main([str(word) for word in words])
        return capsys.readouterr().out.splitlines()

    return run_command
