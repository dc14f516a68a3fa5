#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# .github/workflows/ci.yml is YAML, has what GitHub requires, and its commands and suites exist. docs/testing/release.md
# names each job and each system. (GitHub itself is not here to run it.)
. "$(dirname -- "$0")/common.sh"

python3 -c 'import yaml' 2>/dev/null || skip 'PyYAML is not installed (Debian: python3-yaml)'
cat >"$tmp/check.py" <<'PYTHON'
import pathlib, re, sys, yaml
root, workflow = map(pathlib.Path, sys.argv[1:])
page = (root / 'docs/testing/release.md').read_text()
names = set(re.findall(r'^run_([\w-]+)\(\)', ''.join(path.read_text() for path in [
    root / 'tests/run', *root.glob('tests/*.sh'), *root.glob('tests/*/*.sh')]), re.M))
document = yaml.safe_load(workflow.read_text())
# (YAML reads the word "on" as true.)
assert set(document[True]) == {'push', 'pull_request', 'schedule'}, 'the events'
for event in document[True]['schedule']:
    assert re.fullmatch(r'[\d*]+( [\d*]+){4}', event['cron']), 'the form of cron'
# What GitHub has (November 2026): https://github.com/actions/runner-images
images = {'ubuntu-22.04', 'ubuntu-24.04', 'ubuntu-22.04-arm', 'ubuntu-24.04-arm', 'macos-15', 'macos-26',
          'windows-2022', 'windows-2025'}
on_schedule = [name for name, job in document['jobs'].items() if job['if'] == "github.event_name == 'schedule'"]
assert on_schedule == ['soak'], 'what the schedule runs'
for name, job in document['jobs'].items():
    assert f'| `{name}`' in page, f'docs/testing/release.md has no job {name}'
    assert 0 < job['timeout-minutes'] <= 360, f'{name}: the timeout'
    matrix = job.get('strategy', {}).get('matrix', {})
    for system in [job['runs-on']] if '{' not in job['runs-on'] else [row['os'] for row in matrix['include']]:
        kind = re.fullmatch(r'(ubuntu|macos|windows)-(latest|[\d.]+)(-arm)?', system)
        assert kind, system
        assert kind[2] == 'latest' or system in images, f'GitHub has no {system}'
        word = {'ubuntu': 'Ubuntu', 'macos': 'macOS', 'windows': 'Windows Server'}[kind[1]]
        assert kind[2] == 'latest' or f'{word} {kind[2]}' in page, f'docs/testing/release.md has no {word} {kind[2]}'
    for step in job['steps']:
        assert ('run' in step) != ('uses' in step), f'{name}: a step is either `run` or `uses`: {step}'
        if 'uses' in step:
            assert re.fullmatch(r'[\w-]+/[\w-]+@v\d+', step['uses']), step
            continue
        for path in re.findall(r'(?:^|[\s])(\.ci/\w+|tests/[\w.]+)', step['run']):
            assert (root / path).is_file(), f'{name}: there is no {path}'
        for test in re.findall(r'tests/run ([\w-]+)', step['run']):
            assert test in names, f'{name}: tests/run has no {test}'
        for suite in re.findall(r'--suite (\w+)', step['run']):
            assert (root / 'tests' / suite / 'meson.build').is_file(), f'{name}: there is no suite {suite}'
PYTHON
workflow=$SOURCE/.github/workflows/ci.yml
python3 "$tmp/check.py" "$SOURCE" "$workflow"

# The controls.
for wrong in 's/timeout-minutes: .*/timeout-minutes: 999/' 's/tests\/run soak/tests\/run soke/' \
    's/--suite unit/--suite units/' 's/macos-15/macos-26/' 's/macos-15/macos-15-arm/' 's/^  soak:/  soaks:/' \
    's/- uses: /- uses: run: /'; do
    sed "$wrong" "$workflow" >"$tmp/wrong.yml"
    ! python3 "$tmp/check.py" "$SOURCE" "$tmp/wrong.yml" 2>/dev/null || fail "not detected: $wrong"
done
