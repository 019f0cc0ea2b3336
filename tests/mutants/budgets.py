"""Mutants of budgets: what is known, what is said to be unproven, and whole outputs."""

from tests.mutants.mutation import Mutant

_PROVING = ("tests/test_proving_budget.py",)
_PARTS = ("tests/test_proving_budget.py::test_every_part_of_a_proof_has_the_budget",)
_KILLED = ("tests/test_killed_writers.py", "-k", "report or certificate-complex")


def _search(old: str, new: str, remark: str) -> Mutant:
    """Return a mutant of the evidence of the LP engine."""
    return Mutant("regions/by_search.py", old, new, _PROVING, remark)


MUTANTS = [
    _search("if array is None and n not in vars(self)", "if array is None",
            "what was asked for counts as unproven"),
    _search("if self.domain.box is not None:\n            del known",
            "if False:\n            del known", "a box leaves extents unproven"),
    Mutant("regions/by_search.py", "keep_proofs=True, budget=budget", "keep_proofs=True",
           _PARTS, "proofs of facets without a budget"),
    Mutant("regions/by_search.py", "factor=factor, force=force, budget=budget,",
           "factor=factor, force=force,", _PARTS, "the tree without a budget"),
    _search("known_edges=edges, known_unbounded=unbounded)", "known_edges=edges)",
            "extents that were proven are lost"),
    Mutant("engines/proofs/complex_proof.py", "            budget.check_time()\n", "",
           _PROVING, "a complex is written without a budget"),
    Mutant("regions/storage.py", "if not set(unproven) <= {_EDGES, _UNBOUNDED}:", "if False:",
           _PROVING, "anything may be unproven"),
    Mutant("regions/storage.py", 'if self.told["engine"] == "lp" else []', "",
           _PROVING, "faces may leave adjacencies out"),
    Mutant("cli/partition.py", "lacking += [", "_ = [", _PROVING, "what is unproven is not said"),
    Mutant("cli/partition_output.py", "if part.unproven:", "if False:",
           _PROVING, "a graph is drawn without adjacencies"),
    Mutant("output.py", "elif not _rename(draft, target, _EXCHANGE):",
           "elif shutil.rmtree(target) or draft.rename(target):",
           _KILLED, "the old folder goes before the new one comes"),
    Mutant("output.py", "            os.replace(draft, target)\n        elif",
           "            shutil.copy(draft, target)\n        elif",
           _KILLED, "a file is written in its place"),
]  # fmt: skip
