"""`python -m tests.requirements [--full]`: which of Microsoft's interoperability requirements the sandbox proves.

Exit code 1 if one is neither proven nor known not to be modelled, or a marker's id is nobody's.
"""

from __future__ import annotations

import sys

from tests.requirements.report import REQUIREMENTS, collect, read, render, standings, unknown


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["--full"]):
        sys.stderr.write("usage: python -m tests.requirements [--full]\n")
        return 2
    requirements = read()
    if not requirements:
        sys.stdout.write(f"Microsoft's requirements are not at hand ({REQUIREMENTS.name}): nothing to compare with\n")
        return 0
    proofs = collect()
    results, strangers = standings(requirements, proofs), unknown(requirements, proofs)
    sys.stdout.write(render(results, strangers, in_full=bool(arguments)))
    return 1 if strangers or any(each.missing for each in results) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
