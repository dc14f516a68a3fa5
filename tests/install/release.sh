#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The files for WrapDB, Conan and vcpkg, filled in for the tarball of `meson dist`. Meson builds a program by the wrap
# file. Conan and vcpkg are not in Debian: their files run with stand-ins for both, which record what is asked of them.
. "$(dirname -- "$0")/common.sh"

need git
version=$(sed -n "s/^ *version: '\(.*\)',/\1/p" "$SOURCE/meson.build")
repository_copy "$tmp/repository"
# As a release: CHANGELOG.md has a date.
sed -i "s/^## \[Unreleased\]\$/## [$version] - 2000-01-01/" "$tmp/repository/CHANGELOG.md"
command git -C "$tmp/repository" -c user.name=x -c user.email=x@example.org commit --quiet --allow-empty -a -m dated
meson setup "$tmp/build" "$tmp/repository" -Dtests=disabled -Dexamples=false >"$tmp/said" || fail "$(cat "$tmp/said")"
(cd "$tmp/build" && meson dist --formats gztar --no-tests) >"$tmp/said" 2>&1 || fail "$(cat "$tmp/said")"
tarball=$tmp/build/meson-dist/condvar-$version.tar.gz
[ -f "$tarball" ] || fail "no condvar-$version.tar.gz" "$(cat "$tmp/said")"

# The tarball has the single header, the one of these sources.
tar -xzOf "$tarball" "condvar-$version/condvar_single.h" >"$tmp/single.h" || fail 'the tarball has no condvar_single.h'
python3 "$SOURCE/src/single_header.py" "$tmp/expected.h" "$version" "$SOURCE/LICENSE"
cmp "$tmp/single.h" "$tmp/expected.h" || fail 'the condvar_single.h of the tarball is another one'

# The page must be a real one.
release=$tmp/repository/src/package/release.py
sed -i "s|^HOME = .*|HOME = 'https://example.org/condvar'|" "$tmp/repository/src/package/home.py"
! python3 "$release" "$tarball" "$tmp/files" "file://$tmp" 2>"$tmp/error" || fail 'a release without a home page'
grep -F "home.py does not have the project's page" "$tmp/error" >/dev/null || fail 'does not say what is wrong'
sed -i '/^HOME/s/example\.org/home.example/' "$tmp/repository/src/package/home.py"
python3 "$release" "$tarball" "$tmp/files" "file://$tmp/build/meson-dist"
! grep -rE '@[A-Z0-9]+@' "$tmp/files" || fail 'a value was not put in'
! grep -rE '(home|url = ).*file://' "$tmp/files/conan/conanfile.py" "$tmp/files/vcpkg/vcpkg.json" ||
    fail 'the folder of the tarball is given as the home page'
! python3 "$release" "$tmp/said" "$tmp/files" file:// 2>"$tmp/error" || fail 'another file than a tarball was taken'
grep -F 'not a tarball' "$tmp/error" >/dev/null || fail 'does not say what is wrong'
mkdir -p "$tmp/undated/condvar-$version"
echo '## [Unreleased]' >"$tmp/undated/condvar-$version/CHANGELOG.md"
tar -czf "$tmp/undated/condvar-$version.tar.gz" -C "$tmp/undated" "condvar-$version"
! python3 "$release" "$tmp/undated/condvar-$version.tar.gz" "$tmp/files" file:// 2>"$tmp/error" ||
    fail 'a tarball was taken whose CHANGELOG.md has no date'
grep -F "no line \"## [$version] - YYYY-MM-DD\"" "$tmp/error" >/dev/null || fail 'does not say what is wrong'

# ---- WrapDB ----

mkdir -p "$tmp/app/subprojects"
cp "$tmp/files/wrapdb/condvar.wrap" "$tmp/app/subprojects"
block c >"$tmp/app/app.c"
block text >"$tmp/expected"
{
    echo "project('app', 'c', default_options: ['c_std=c11'])"
    block meson
} >"$tmp/app/meson.build"
meson setup "$tmp/wrapped" "$tmp/app" --wrap-mode=forcefallback >"$tmp/said" 2>&1 || fail "$(cat "$tmp/said")"
meson compile -C "$tmp/wrapped" >"$tmp/said" 2>&1 || fail "$(cat "$tmp/said")"
expect "$tmp/expected" "$tmp/wrapped/app"

# Another tarball under this name is refused.
rm -rf "$tmp/app/subprojects/condvar-$version" "$tmp/app/subprojects/packagecache"
sed -i 's/^source_hash = ../source_hash = 00/' "$tmp/app/subprojects/condvar.wrap"
! meson setup "$tmp/refused" "$tmp/app" --wrap-mode=forcefallback >"$tmp/said" 2>&1 || fail 'the hash is not checked'

# ---- Conan: the recipe runs on a stand-in, and installs what package_info() names ----

mkdir -p "$tmp/stand_in/conan/tools"
cat >"$tmp/stand_in/conan/__init__.py" <<'PYTHON'
class ConanFile:
    pass
PYTHON
cat >"$tmp/stand_in/conan/errors.py" <<'PYTHON'
class ConanInvalidConfiguration(Exception):
    pass
PYTHON
touch "$tmp/stand_in/conan/tools/__init__.py"
for module in files layout meson build; do
    cat >"$tmp/stand_in/conan/tools/$module.py" <<'PYTHON'
calls = []
project_options = {}
def __getattr__(name):
    class Tool:
        def __init__(self, *args, **kwargs):
            calls.append((name, args[1:], kwargs))
            self.project_options = project_options
        def __getattr__(self, method):
            return lambda *args, **kwargs: calls.append((name + '.' + method, args, kwargs))
    if name.startswith('__'):
        raise AttributeError(name)
    return Tool
PYTHON
done
cat >"$tmp/recipe.py" <<'PYTHON'
import importlib.util, sys, types
folder, version = sys.argv[1:]
def load(name):
    spec = importlib.util.spec_from_file_location(name, f'{folder}/{name}.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
recipe = load('conanfile').CondvarConan()
for text in open(f'{folder}/conandata.yml'):
    key, _, value = text.strip().partition(': ')
    if key in ('url', 'sha256'):
        recipe.__dict__.setdefault('conan_data', {'sources': {version: {}}})['sources'][version][key] = value.strip('"')
assert set(recipe.conan_data['sources'][version]) == {'url', 'sha256'}
recipe.version, recipe.source_folder, recipe.package_folder = version, 's', 'p'
recipe.tool_requires = lambda what: None
from conan.tools import files, meson
assert set(recipe.default_options) == set(recipe.options)
class Settings(types.SimpleNamespace):
    def get_safe(self, name):
        return self.__dict__.get(name)
for os, observer in (('Linux', False), ('Linux', True), ('Windows', False), ('Windows', True)):
    recipe.settings = Settings(os=os, compiler='gcc')
    recipe.options = types.SimpleNamespace(**{**recipe.default_options, 'observer': observer})
    recipe.cpp_info = types.SimpleNamespace(set_property=lambda *args: None, defines=[])
    for method in ('validate', 'layout', 'build_requirements', 'source', 'generate', 'build', 'package', 'package_info'):
        getattr(recipe, method)()
    assert recipe.cpp_info.libs == ['condvar']
    assert recipe.cpp_info.system_libs == {'Linux': ['pthread'], 'Windows': ['synchronization']}[os]
    assert ('CONDVAR_OBSERVER' in recipe.cpp_info.defines) == observer
    assert ('CONDVAR_NO_PTHREAD' in recipe.cpp_info.defines) == (os == 'Windows')
    assert meson.project_options['observer'] == ('enabled' if observer else 'disabled')
from conan.errors import ConanInvalidConfiguration
for os, compiler, runtime in (('Windows', 'msvc', 'dynamic'), ('Windows', 'clang', 'static'), ('Android', 'clang', None)):
    recipe.settings = Settings(os=os, compiler=compiler, **{'compiler.runtime': runtime})
    try:
        recipe.validate()
    except ConanInvalidConfiguration:
        continue
    assert False, f'{os} with {compiler} is not refused'
assert [call[0] for call in files.calls[:2]] == ['get', 'copy'], files.calls
assert [call[0] for call in meson.calls if '.' in call[0]][:4] == \
    ['MesonToolchain.generate', 'Meson.configure', 'Meson.build', 'Meson.install'], meson.calls
load('test_package/conanfile')
assert recipe.license == 'MIT' and recipe.name == 'condvar'
PYTHON
PYTHONPATH=$tmp/stand_in PYTHONDONTWRITEBYTECODE=1 python3 "$tmp/recipe.py" "$tmp/files/conan" "$version" ||
    fail 'the Conan recipe'
# shellcheck disable=SC2086 # a list of words
$CC -std=c11 -Wall -Wextra -Werror "-I$SOURCE/include" -fsyntax-only "$tmp/files/conan/test_package/app.c"

# ---- vcpkg: the manifest by its documented rules, the port on stand-ins that check the hash ----

# https://learn.microsoft.com/vcpkg/reference/vcpkg-json
python3 - "$tmp/files/vcpkg/vcpkg.json" "$version" <<'PYTHON' || fail 'vcpkg.json'
import json, re, sys
manifest = json.load(open(sys.argv[1]))
assert re.fullmatch('[a-z0-9]+(-[a-z0-9]+)*', manifest['name'])
assert re.fullmatch(r'\d+\.\d+\.\d+', manifest['version']) and manifest['version'] == sys.argv[2]
assert manifest['description'] and manifest['license'] == 'MIT'
assert set(manifest) <= {'name', 'version', 'description', 'homepage', 'license', 'supports', 'dependencies',
                         'features'}
supports = manifest['supports']
for operator, word in ('!', ' not '), ('&', ' and '), ('|', ' or '):
    supports = supports.replace(operator, word)
for platform in 'linux', 'osx', 'windows', 'windows mingw', 'linux android', 'windows uwp':
    system = dict.fromkeys(('linux', 'osx', 'windows', 'mingw', 'android', 'uwp'), False)
    system.update(dict.fromkeys(platform.split(), True))
    assert eval(supports, system) == (platform in ('linux', 'osx', 'windows mingw')), platform
for name, feature in manifest['features'].items():
    assert re.fullmatch('[a-z0-9]+(-[a-z0-9]+)*', name) and set(feature) == {'description'}
for dependency in manifest['dependencies']:
    assert set(dependency) <= {'name', 'host'} and isinstance(dependency['host'], bool)
PYTHON
command -v cmake >/dev/null || skip 'cmake is not installed: the port for vcpkg was not tried'
cat >"$tmp/port.cmake" <<'CMAKE'
cmake_minimum_required(VERSION 3.16)
function(record)
  file(APPEND "${CALLS}" "${ARGN}\n")
endfunction()
function(vcpkg_download_distfile variable)
  cmake_parse_arguments(asked "" "FILENAME;SHA512" "URLS" ${ARGN})
  file(DOWNLOAD "${asked_URLS}" "${FOLDER}/${asked_FILENAME}" EXPECTED_HASH SHA512=${asked_SHA512})
  set(${variable} "${FOLDER}/${asked_FILENAME}" PARENT_SCOPE)
endfunction()
function(vcpkg_extract_source_archive variable)
  cmake_parse_arguments(asked "" "ARCHIVE" "" ${ARGN})
  execute_process(COMMAND ${CMAKE_COMMAND} -E tar xf "${asked_ARCHIVE}" WORKING_DIRECTORY "${FOLDER}"
    RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "${failed}")
  endif()
  set(${variable} "${FOLDER}/condvar-${VERSION}" PARENT_SCOPE)
endfunction()
function(vcpkg_configure_meson)
  cmake_parse_arguments(asked "" "SOURCE_PATH" "OPTIONS" ${ARGN})
  execute_process(COMMAND meson setup ${asked_OPTIONS} "${FOLDER}/built" "${asked_SOURCE_PATH}" RESULT_VARIABLE failed)
  if(failed)
    message(FATAL_ERROR "${failed}")
  endif()
  record(configure)
endfunction()
function(vcpkg_install_meson)
  record(install)
endfunction()
function(vcpkg_fixup_pkgconfig)
endfunction()
function(vcpkg_copy_pdbs)
endfunction()
function(vcpkg_install_copyright)
  cmake_parse_arguments(asked "" "" "FILE_LIST" ${ARGN})
  if(NOT EXISTS "${asked_FILE_LIST}")
    message(FATAL_ERROR "no ${asked_FILE_LIST}")
  endif()
  record(copyright)
endfunction()
include("${PORT}")
# After a build, vcpkg refuses CMake packages in lib/cmake unless both policies are set:
# https://learn.microsoft.com/vcpkg/reference/policies
foreach(check SKIP_MISPLACED_CMAKE_FILES_CHECK SKIP_LIB_CMAKE_MERGE_CHECK)
  if(NOT "${VCPKG_POLICY_${check}}" STREQUAL enabled)
    message(FATAL_ERROR "VCPKG_POLICY_${check} is not set, and the CMake package is in lib/cmake")
  endif()
endforeach()
CMAKE
for features in core 'core;observer'; do
    rm -rf "$tmp/vcpkg" "$tmp/calls"
    mkdir "$tmp/vcpkg"
    cmake "-DPORT=$tmp/files/vcpkg/portfile.cmake" "-DVERSION=$version" "-DFOLDER=$tmp/vcpkg" "-DCALLS=$tmp/calls" \
        "-DFEATURES=$features" "-DCURRENT_PACKAGES_DIR=$tmp/vcpkg/packages" -P "$tmp/port.cmake" >"$tmp/said" 2>&1 ||
        fail "$(cat "$tmp/said")"
    printf '%s\n' configure install copyright | diff - "$tmp/calls" >&2 || fail 'the port does not do what a port does'
    observer=$(meson introspect --buildoptions "$tmp/vcpkg/built" |
        python3 -c 'import json, sys; print([o["value"] for o in json.load(sys.stdin) if o["name"] == "observer"][0])')
    case $features,$observer in
    core,disabled | *observer,enabled) ;;
    *) fail "with the features $features the observer is $observer" ;;
    esac
done
