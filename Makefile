# Needs Python 3.11 or later with pip and venv, and make; everything else is installed here.
#   make demo    the main job on the iris data, report in demo-report/
#   make test    lint, types and tests
#   make clean   removes the virtual environments and what the above made

PYTHON ?= python3
DEMO := .venv-demo
TEST := .venv-test
PROJECT := setup.cfg pyproject.toml constraints.txt
# Not compiled at once: most modules are never imported, and the rest compile when they are.
PIP_INSTALL := -m pip install --quiet --disable-pip-version-check --no-compile -c constraints.txt

.PHONY: demo test clean python

demo: $(DEMO)/.installed
	$(DEMO)/bin/exactbn compare data/iris.csv --out demo-report --force
	@echo "The report: $(CURDIR)/demo-report/report.html"

test: $(TEST)/.installed
	$(TEST)/bin/python -m tests

# The stamps: an environment is made anew only when what it is made from has changed.
$(DEMO)/.installed: $(PROJECT) | python
	$(PYTHON) -m venv --clear $(DEMO)
	$(DEMO)/bin/python $(PIP_INSTALL) -e ".[plot]"
	@touch $@

$(TEST)/.installed: $(PROJECT) | python
	$(PYTHON) -m venv --clear $(TEST)
	$(TEST)/bin/python $(PIP_INSTALL) -e ".[test,formats,plot]"
	@touch $@

python:
	@$(PYTHON) -c "import sys; sys.exit(sys.version_info < (3, 11))" || { \
	    echo "exactbn needs Python 3.11 or later; say which with make PYTHON=..." >&2; exit 1; }

clean:
	rm -rf $(DEMO) $(TEST) demo-report build dist exactbn.egg-info
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +
