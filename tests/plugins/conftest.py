import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import ansible.module_utils
import pytest

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"

# Where Ansible itself looks for them, by ansible.cfg.
ansible.module_utils.__path__.append(str(PLUGINS / "module_utils"))


@pytest.fixture
def load_module() -> Callable[[str], ModuleType]:
    def load(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(f"module_{name}", PLUGINS / "modules" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module

    return load
