# SPDX-License-Identifier: MIT
from conan import ConanFile
from conan.errors import ConanInvalidConfiguration
from conan.tools.files import copy, get
from conan.tools.layout import basic_layout
from conan.tools.meson import Meson, MesonToolchain


class CondvarConan(ConanFile):
    name = 'condvar'
    description = 'Condition variables that contain their lock, with the semantics of threading.Condition'
    license = 'MIT'
    url = '@HOME@'
    homepage = '@HOME@'
    topics = ('condition-variable', 'mutex', 'threads', 'synchronization')
    package_type = 'library'
    settings = 'os', 'arch', 'compiler', 'build_type'
    options = {'shared': [True, False], 'fPIC': [True, False], 'observer': [True, False]}
    default_options = {'shared': False, 'fPIC': True, 'observer': False}
    implements = ['auto_shared_fpic']
    languages = 'C'

    def layout(self):
        basic_layout(self, src_folder='src')

    def validate(self):
        if self.settings.compiler == 'msvc' or self.settings.get_safe('compiler.runtime'):
            raise ConanInvalidConfiguration('the library needs gcc or clang')
        if self.settings.os == 'Android':
            raise ConanInvalidConfiguration('Android has no robust mutexes and no pthread_setcancelstate()')

    def build_requirements(self):
        self.tool_requires('meson/[>=1.0]')

    def source(self):
        get(self, **self.conan_data['sources'][self.version], strip_root=True)

    def generate(self):
        toolchain = MesonToolchain(self)
        toolchain.project_options['tests'] = 'disabled'
        toolchain.project_options['examples'] = False
        toolchain.project_options['observer'] = 'enabled' if self.options.observer else 'disabled'
        toolchain.generate()

    def build(self):
        meson = Meson(self)
        meson.configure()
        meson.build()

    def package(self):
        copy(self, 'LICENSE', self.source_folder, f'{self.package_folder}/licenses')
        Meson(self).install()

    def package_info(self):
        self.cpp_info.libs = ['condvar']
        self.cpp_info.set_property('pkg_config_name', 'condvar')
        self.cpp_info.set_property('cmake_file_name', 'condvar')
        self.cpp_info.set_property('cmake_target_name', 'condvar::condvar')
        if self.options.observer:
            self.cpp_info.defines.append('CONDVAR_OBSERVER')
        if self.settings.os == 'Windows':
            self.cpp_info.system_libs = ['synchronization']
            self.cpp_info.defines.append('CONDVAR_NO_PTHREAD')
        else:
            self.cpp_info.system_libs = ['pthread']
