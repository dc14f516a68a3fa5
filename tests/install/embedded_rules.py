#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Check the manifests of the embedded bundle against what their tools document.

    embedded_rules.py FOLDER

Each check names its source. Prints each rule that is broken, and exits with 1 if there is one.
"""
import json
import pathlib
import re
import sys
import xml.etree.ElementTree as xml

SEMVER = re.compile(r'\d+\.\d+\.\d+([-+][0-9A-Za-z.-]+)?')
ADDRESS = re.compile(r'https?://[^\s/]+\.[^\s/]+/\S+')
SPDX = {'MIT'}  # of https://spdx.org/licenses/, the one that is used here
broken = []


def rule(holds, file, text):
    if not holds:
        broken.append(f'{file}: {text}')


def text_of(folder, name):
    path = folder / name
    rule(path.is_file(), name, 'is not there')
    return path.read_text(encoding='utf-8') if path.is_file() else ''


def yaml_of(text, file):
    """The part of YAML that the two manifests use: nested maps of strings. With PyYAML, both must read the same."""
    top = {}
    stack = [(-1, top)]
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith('#'):
            continue
        match = re.fullmatch(r'''( *)([\w-]+):(?: ("[^"]*"|'[^']*'|[^"'\s#{[&*!|>%@`][^#:]*))?''', line)
        if not match:
            rule(False, file, f'not a map of strings: {line}')
            return top
        indent, key, value = len(match[1]), match[2], match[3]
        while stack[-1][0] >= indent:
            stack.pop()
        if value is None:
            stack[-1][1][key] = {}
            stack.append((indent, stack[-1][1][key]))
        else:
            stack[-1][1][key] = value.strip('"\'')
    try:
        import yaml
    except ImportError:
        return top
    rule(yaml.safe_load(text) == top, file, 'PyYAML reads it in another way')
    return top


# https://docs.platformio.org/en/latest/manifests/library-json/index.html; lengths and characters are those of
# platformio/assets/schema/library.json and platformio/package/manifest/schema.py of PlatformIO Core
def platformio(folder):
    file = 'library.json'
    try:
        manifest = json.loads(text_of(folder, file))
    except json.JSONDecodeError as error:
        rule(False, file, f'not JSON: {error}')
        return
    known = {'$schema', 'name', 'version', 'description', 'keywords', 'homepage', 'repository', 'authors', 'license',
             'frameworks', 'platforms', 'headers', 'examples', 'dependencies', 'export', 'scripts', 'build'}
    for field in manifest:
        rule(field in known, file, f'unknown field {field}')
    name = manifest.get('name', '')
    rule(re.fullmatch(r'[^:;/,@<>]{1,50}', name), file, 'name: 1 to 50 characters, none of :;/,@<>')
    rule(len(manifest.get('version', '')) <= 20 and SEMVER.fullmatch(manifest.get('version', '')), file,
         'version: a semantic version of at most 20 characters')
    rule(1 <= len(manifest.get('description', '')) <= 255, file, 'description: 1 to 255 characters')
    for keyword in manifest.get('keywords', []):
        rule(re.fullmatch(r'[a-z\d\-+. ]{1,50}', keyword), file, f'keyword {keyword}: a-z, digits and -+. only')
    rule(ADDRESS.fullmatch(manifest.get('homepage', '')), file, 'homepage: an address')
    rule(manifest.get('license') in SPDX, file, 'license: an SPDX identifier')
    for author in manifest.get('authors', []):
        rule(1 <= len(author.get('name', '')) <= 50, file, 'authors: each has a name of at most 50 characters')
    headers = manifest.get('headers', [])
    for header in [headers] if isinstance(headers, str) else headers:
        rule((folder / 'src' / header).is_file(), file, f'headers: no src/{header}')


# https://docs.arduino.cc/arduino-cli/library-specification (1.5 library format, rev. 2.2)
def arduino(folder):
    file = 'library.properties'
    fields = {}
    for line in text_of(folder, file).splitlines():
        if line.strip() and not line.startswith('#'):
            key, equals, value = line.partition('=')
            rule(equals and key == key.strip(), file, f'not key=value: {line}')
            rule(key not in fields, file, f'{key} is there twice')
            fields[key] = value
    known = {'name', 'version', 'author', 'maintainer', 'sentence', 'paragraph', 'category', 'url', 'architectures',
             'depends', 'dot_a_linkage', 'includes', 'precompiled', 'ldflags'}
    for field in fields:
        rule(field in known, file, f'unknown field {field}')
    for field in ('name', 'version', 'author', 'maintainer', 'sentence', 'paragraph', 'category', 'url',
                  'architectures'):
        rule(fields.get(field), file, f'no {field}')
    name = fields.get('name', '')
    rule(re.fullmatch(r'[A-Za-z0-9][A-Za-z0-9 _.-]{0,62}', name) and re.search('[A-Za-z]', name) and
         not name.lower().startswith('arduino'), file, 'name: letters, digits, spaces and _.- only; not Arduino...')
    rule(SEMVER.fullmatch(fields.get('version', '')), file, 'version: a semantic version')
    rule(fields.get('category') in {'Display', 'Communication', 'Signal Input/Output', 'Sensors', 'Device Control',
                                    'Timing', 'Data Storage', 'Data Processing', 'Other'}, file, 'category: unknown')
    rule(ADDRESS.fullmatch(fields.get('url', '')), file, 'url: an address')
    for header in fields.get('includes', '').split(','):
        rule((folder / 'src' / header).is_file(), file, f'includes: no src/{header}')
    rule(not (folder / 'utility').exists(), file, 'a library with src/ must have no utility/')


# https://docs.espressif.com/projects/idf-component-manager/en/latest/reference/manifest_file.html, and
# https://docs.espressif.com/projects/esp-idf/en/stable/esp32/api-guides/build-system.html for the CMake file
def espidf(folder):
    file = 'idf_component.yml'
    manifest = yaml_of(text_of(folder, file), file)
    known = {'version', 'maintainers', 'description', 'license', 'tags', 'files', 'examples', 'url', 'repository',
             'documentation', 'issues', 'discussion', 'repository_info', 'targets', 'dependencies'}
    for field in manifest:
        rule(field in known, file, f'unknown field {field}')
    rule(SEMVER.fullmatch(manifest.get('version', '')), file, 'version: a semantic version')
    rule(manifest.get('description'), file, 'no description')
    rule(manifest.get('license') in SPDX, file, 'license: an SPDX identifier')
    rule(ADDRESS.fullmatch(manifest.get('url', '')), file, 'url: an address')
    idf = manifest.get('dependencies', {}).get('idf', {})
    rule(re.fullmatch(r'(>=|>|<=|<|==|~=|~|\^|!=)?\d+(\.\d+)*', idf.get('version', '')), file,
         'dependencies: a range of versions')
    cmake = text_of(folder, 'CMakeLists.txt')
    rule('idf_component_register(' in cmake, 'CMakeLists.txt', 'no idf_component_register()')
    for name in re.findall(r'"([^"]+)"', cmake):
        rule((folder / name).exists(), 'CMakeLists.txt', f'no {name}')


# https://docs.zephyrproject.org/latest/develop/modules.html; METADATA_SCHEMA in scripts/zephyr_module.py of Zephyr; and
# https://docs.zephyrproject.org/latest/build/kconfig/tips.html for Kconfig
def zephyr(folder):
    file = 'zephyr/module.yml'
    manifest = yaml_of(text_of(folder, file), file)
    for field in manifest:
        rule(field in {'name', 'build', 'tests', 'samples', 'boards', 'blobs', 'security', 'package-managers',
                       'runners'}, file, f'unknown field {field}')
    build = manifest.get('build', {})
    for field in build:
        rule(field in {'cmake', 'kconfig', 'cmake-ext', 'kconfig-ext', 'depends', 'settings'}, file,
             f'unknown field build: {field}')
    # Both are relative to the folder that holds zephyr/.
    rule((folder / build.get('cmake', 'zephyr') / 'CMakeLists.txt').is_file(), file,
         'cmake: a folder with a CMakeLists.txt')
    rule((folder / build.get('kconfig', 'zephyr/Kconfig')).is_file(), file, 'kconfig: a file')

    kconfig = text_of(folder, 'zephyr/Kconfig')
    symbols = set(re.findall(r'^(?:menu)?config ([A-Z][A-Z0-9_]*)$', kconfig, re.M))
    rule(kconfig.count('\nif ') == kconfig.count('\nendif'), 'zephyr/Kconfig', 'an if without its endif')
    known = r'(#.*|(menu)?config [A-Z0-9_]+|if [A-Z0-9_]+|endif.*|\t(bool|depends on|default|help\b).*|\t  .*|)'
    for line in kconfig.splitlines():
        rule(re.fullmatch(known, line), 'zephyr/Kconfig', f'a line of an unknown kind: {line}')
    cmake = text_of(folder, 'zephyr/CMakeLists.txt')
    used = set(re.findall(r'CONFIG_(\w+)', cmake)) - {'LIBCONDVAR_'}
    features = re.search(r'IN ITEMS ([^)]*)\)|foreach\(\w+ ([^)]*)\)', cmake)
    used |= {'LIBCONDVAR_' + feature for feature in (features[1] or features[2]).split()} if features else set()
    rule(used == symbols, 'zephyr/CMakeLists.txt', f'uses {sorted(used)}, Kconfig has {sorted(symbols)}')
    for name in re.findall(r'\.\./[\w/.]+', cmake):
        rule((folder / 'zephyr' / name).exists(), 'zephyr/CMakeLists.txt', f'no {name}')


# schema/PACK.xsd, version 1.7.32, of https://open-cmsis-pack.github.io/Open-CMSIS-Pack-Spec: what is used here of it.
# Each element: its attributes; its elements. "!": it must be there. "*": more than one.
LOCATION = '{http://www.w3.org/2001/XMLSchema-instance}noNamespaceSchemaLocation'
PACK = {
    'package': (f'schemaVersion! {LOCATION}!', 'name! vendor! description! url! license releases! keywords conditions '
                'components'),
    'releases': ('', 'release!*'),
    'release': ('version! date', ''),
    'keywords': ('', 'keyword!*'),
    'conditions': ('', 'condition!*'),
    'condition': ('id!', 'description accept* require* deny*'),
    'accept': ('Dcore Tcompiler Toptions Cclass Cbundle Cgroup condition', ''),
    'components': ('', 'component!*'),
    'component': ('Cclass! Cgroup! Cversion! Cvariant condition isDefaultVariant custom',
                  'description! Pre_Include_Global_h files!'),
    'files': ('', 'file!*'),
    'file': ('category! name!', ''),
}
PACK['require'] = PACK['deny'] = PACK['accept']
PACK_PART = r"[A-Za-z0-9][A-Za-z0-9_+()'/\-\s.]{1,31}"
PACK_ATTRIBUTES = {
    'schemaVersion': r'\d+\.\d+(\.\d+)?', 'version': SEMVER, 'Cversion': SEMVER, 'date': r'\d{4}-\d\d-\d\d',
    'Cclass': PACK_PART, 'Cbundle': PACK_PART, 'Cgroup': PACK_PART, 'Cvariant': PACK_PART,
    'Tcompiler': r'GCC|ARMCC|IAR|Tasking|GHS|Cosmic|G\+\+|XC|CLANG|Renesas|\*', 'Toptions': 'AC5|AC6|AC6LTO',
    'isDefaultVariant': 'true|false', 'custom': 'true|false', 'category': 'doc|header|include|source|other',
    'Dcore': r'Star-MC1|SC[03]00|Cortex-(M([01347]|0\+|23|33|35P|52|55|85)|R[4578]|A(5|[789]|15|17|53|57|72|73))|'
             r'ARMV8(MBL|MML|1MML)|other',
}


def pack_element(file, element):
    attributes, children = PACK.get(element.tag, ('', ''))
    for words, names in ((attributes, list(element.attrib)), (children, [child.tag for child in element])):
        known = {word.rstrip('!*'): word for word in words.split()}
        for name in names:
            rule(name in known, file, f'unknown in <{element.tag}>: {name}')
            rule(names.count(name) == 1 or known.get(name, '').endswith('*'), file, f'<{name}> is there twice')
        for name, word in known.items():
            rule('!' not in word or name in names, file, f'no {name} in <{element.tag}>')
    for name, value in element.attrib.items():
        rule(re.fullmatch(PACK_ATTRIBUTES.get(name, '.+'), value), file, f'{name}: {value}')
    if element.tag == 'description':
        rule(1 <= len(element.text or '') <= 256, file, 'a description has 1 to 256 characters')
    for child in element:
        pack_element(file, child)


def cmsis(folder):
    file = 'libcondvar.condvar.pdsc'
    try:
        package = xml.fromstring(text_of(folder, file))
    except xml.ParseError as error:
        rule(False, file, f'not XML: {error}')
        return
    rule(package.tag == 'package', file, 'not a <package>')
    pack_element(file, package)
    vendor, name = package.findtext('vendor', ''), package.findtext('name', '')
    rule(re.fullmatch('[-_A-Za-z0-9]+', vendor) and re.fullmatch('[-_A-Za-z0-9]+', name) and
         file == f'{vendor}.{name}.pdsc', file, 'its name is VENDOR.NAME.pdsc')
    rule((folder / package.findtext('license', '')).is_file(), file, 'license: a file')
    ids = [condition.get('id') for condition in package.iter('condition')]
    rule(len(ids) == len(set(ids)), file, 'a condition is there twice')
    for user in package.iter():
        rule(user.get('condition') in [None, *ids], file, f'no condition {user.get("condition")}')
    for part in package.iter('file'):
        rule((folder / part.get('name', '')).is_file(), file, f'no {part.get("name")}')
    components = list(package.iter('component'))
    variants = [tuple(part.get(key) for key in ('Cclass', 'Cgroup', 'Cvariant')) for part in components]
    rule(len(variants) == len(set(variants)), file, 'a component is there twice')
    rule([part.get('isDefaultVariant') for part in components].count('true') == 1, file, 'one variant is the default')
    versions = {part.get('version') for part in package.iter('release')}
    for part in components:
        rule(part.get('Cversion') in versions, file, f'no release {part.get("Cversion")}')


def main(folder):
    folder = pathlib.Path(folder)
    for check in (platformio, arduino, espidf, cmsis, zephyr):
        check(folder)
    for line in broken:
        print(line)
    sys.exit(1 if broken else 0)


if __name__ == '__main__':
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(sys.argv[1])
