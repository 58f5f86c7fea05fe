"The command line, called within the process."

from bpm_nb.cli.program import main


def call(capsys, *args):
    "Exit code, output and errors of `bpm-nb` with these arguments."
    capsys.readouterr()
    code = main([str(a) for a in args])
    said = capsys.readouterr()
    return code, said.out, said.err
