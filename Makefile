## FastAPI Chaos Lab. These two set up everything they need, the first time:
##
##   make scenario-slow-db   run one scenario: two copies of a shop, one slow database, a verdict
##   make test               prove the lab itself: unit, integration and system tests
##
## Run and look
##   make list               the scenarios, each with its question
##   make scenario-NAME      run any of them; a verdict, runs/NAME/latest/run.json and report.html
##                             SEED=8                      other customers; the same seed, the same customers
##                             ARMS=protected,protected    other arms; equal ones must show no difference
##                             SET='phases.fault_s=10'     another value than the file's, for this run
##   make compare-handlers   async def, def, and blocking inside async def: two scenarios, one page; SEED=8
##   make soak               kill a process at random, 20 times: is an order lost or doubled? COUNT=4 SEED=21 for others
##   make watch              a page with the dashboards, live, on 127.0.0.1:18080; PORT=18081 for another port
##   make report             write the newest run's report again, and say where it is; RUN=slow-db for another's
##   make up                 start the shop behind its proxies, and leave it running to play with; with Kafka and
##                           MariaDB where this machine has them, and it says so where not
##                             ENGINE=compose              by docker compose; for scenarios too: docs/compose.md
##   make status             what is up, and where
##   make ps                 the same, as the engine itself shows it
##   make logs               the last lines of what the services print; SERVICE=orders-a for one of them
##   make down               stop it
##   make locust             Locust's own web UI against what is up: http://127.0.0.1:8089; ARM=naive for the other shop
##   make load               load without a web UI, Locust's files in runs/load/, one summary; all may be left out:
##                             RATE=40 DURATION=30         open arrivals a second, seconds
##                             USERS=50                    users who wait instead; with RATE they try to keep it
##                             SHAPE=ramp WORKERS=2 ARM=naive SEED=8 CLASS=DefHandler
##   make closed-loop        what users who wait do not see of one stall: the table of docs/closed-loop.md
##   make profiles           the profiles, and what contradicts what in them; .venv/bin/lab profiles NAME for all of one
##   make doctor             what this machine has, and what is missing, with the command that installs it
##
##   make components         the real Toxiproxy (by Go), the real Kafka (by Maven) and Prometheus (by apt-get) into
##                           .lab; never needed
##
## Work on the lab
##   make setup              the .venv, by uv if it is there, else by venv and pip; PYTHON=python3.12 to choose
##   make test-unit          the tests that need no socket: seconds
##   make test-conformance   one suite for the embedded Toxiproxy, the real one where it is, and any TOXIPROXY_URL=...
##   make lint               ruff, its formatter, mypy
##   make dashboards         write dashboards/json and the rules again from dashboards/*.py
##   make bench              what the proxy, a pipeline and a service cost, each beside a bare reference
##   make capacity           what one arm carries before the first customer is turned away, and who is busy with it;
##                             RATES='150 200' for others than 25 to 250 checkouts a second
##   make bench-breakers     our circuit breaker beside six others, on the same cases; fetches them once, into .lab/
##                             KEEP=1                      also write the table into docs/breaker-table.md
##   make mutate             break every decision of resilience/ on purpose; MODULES='breaker windows' for some
##   make lock               write requirements.txt again from pyproject.toml (needs uv)
##   make clean              remove .lab/ and caches; never runs/
##
## make ends with 2 whatever failed. For the verdict as an exit code (0 CONFIRMED, 1 REFUTED, 2 NOT PROVEN,
## 3 could not run) call the lab itself: .venv/bin/lab run slow-db

# GNU make 3.81, the one that macOS ships, must understand this file.
# Paths are relative, for the folder's own path may hold spaces.
# exec: a signal to make reaches the lab, not a shell in between.

LAB = .venv/bin/python -m chaos
RUN_OPTIONS = $(if $(ENGINE),--engine '$(ENGINE)') $(if $(SEED),--seed '$(SEED)') $(if $(ARMS),--arms '$(ARMS)') $(foreach pair,$(SET),--set '$(pair)')
LOAD_OPTIONS = $(if $(RATE),--rate '$(RATE)') $(if $(DURATION),--duration '$(DURATION)') $(if $(USERS),--users '$(USERS)') \
  $(if $(SHAPE),--shape '$(SHAPE)') $(if $(WORKERS),--workers '$(WORKERS)') $(if $(SEED),--seed '$(SEED)') \
  $(if $(CLASS),--class '$(CLASS)') $(if $(ARM),--arm '$(ARM)')

.PHONY: compare-handlers soak locust load closed-loop dashboards logs ps
.PHONY: help setup venv watch list report up status down doctor components profiles test test-unit test-conformance lint bench capacity bench-breakers mutate lock clean

help:
	@sed -n 's/^## \{0,1\}//p' Makefile

venv:
	@PYTHON='$(PYTHON)' sh scripts/setup.sh

setup: venv
	@echo 'Set up. Next: make scenario-slow-db'

scenario-%: venv
	@exec $(LAB) run '$*' $(RUN_OPTIONS)

compare-handlers: venv
	@exec $(LAB) compare-handlers $(if $(SEED),--seed '$(SEED)') $(if $(ENGINE),--engine '$(ENGINE)')

soak: venv
	@exec $(LAB) soak $(if $(COUNT),--count '$(COUNT)') $(if $(SEED),--first '$(SEED)') $(if $(ENGINE),--engine '$(ENGINE)')

up: venv
	@exec $(LAB) up $(if $(ARMS),--arms '$(ARMS)') $(if $(ENGINE),--engine '$(ENGINE)')

logs: venv
	@exec $(LAB) logs $(if $(SERVICE),'$(SERVICE)')

locust: venv
	@exec $(LAB) locust $(if $(ARM),--arm '$(ARM)') $(if $(PORT),--port '$(PORT)')

load: venv
	@exec $(LAB) load $(LOAD_OPTIONS)

closed-loop: venv
	@exec .venv/bin/python -m chaos.bench.closed_loop

list profiles status ps down doctor: venv
	@exec $(LAB) $@

components:
	@sh scripts/components.sh

watch: venv
	@exec $(LAB) watch $(if $(PORT),--port '$(PORT)')

report: venv
	@exec $(LAB) report $(if $(RUN),'$(RUN)')

# Most tests wait more than they work, so they run side by side, file by file: what a file starts is started once. Those
# that take the lab's ports do it in turn (tests/conftest.py), and begin first, for they take longest. What is judged by
# how fast the shop answers, or interrupts it at a moment, has the machine for itself.
ALONE = $(addprefix tests/system/,test_verdicts.py test_endings.py dashboards watch)
test: venv
	@exec .venv/bin/python scripts/run_tests.py tests/system tests/integration tests/conformance tests/simulation tests/unit \
	  $(ALONE:%=--ignore=%) -n 4 --dist loadfile --no-loadscope-reorder --durations=5
	@exec .venv/bin/python scripts/run_tests.py $(ALONE) --durations=15

test-unit: venv
	@exec .venv/bin/python -m pytest tests/unit -n 4 --dist worksteal --durations=5

# Foreign clients come from their registries once, into .lab/foreign; without a network their tests are skipped.
test-conformance: venv
	@sh tests/conformance/foreign/install.sh
	@exec .venv/bin/python -m pytest tests/conformance -n 4 --dist worksteal --durations=5

lint: venv
	.venv/bin/python -m ruff check .
	.venv/bin/python -m ruff format --check .
	.venv/bin/python -m mypy

dashboards: venv
	@exec .venv/bin/python -m dashboards

bench: venv
	@exec .venv/bin/python -m chaos.bench

capacity: venv
	@exec .venv/bin/python -m chaos.bench.capacity $(RATES)

# Pins that still fit are kept; for the newest of everything remove requirements.txt first.
# Hashes and no index line: the file serves any index, and says nothing about ours.
# The others live in .lab/peers, never in .venv.
bench-breakers: venv
	@sh scripts/peers.sh
	@exec .lab/peers/bin/python -m chaos.bench.breakers $(if $(KEEP),--keep)

mutate: venv
	@exec .venv/bin/python scripts/mutate.py $(MODULES)

lock:
	@uv --version >/dev/null 2>&1 || { echo 'make lock needs uv on the path.' >&2; exit 1; }
	uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --extra dev pyproject.toml --output-file requirements.txt

# A running lab keeps its state in .lab/, so it is stopped first.
clean:
	@if [ -e .lab/state.json ] && [ -x .venv/bin/python ]; then $(LAB) down; fi
	rm -rf .lab .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage
	@find . -name .venv -prune -o -name .git -prune -o -name runs -prune -o -type d -name __pycache__ -prune \
	  -exec rm -rf {} +
