"""The pages that on-call reads, generated from the playbooks that run."""

from drills.pages.contract import Flaw
from drills.pages.page import render_page
from drills.pages.shelf import Drift, check_all, contract_errors, render_all
from drills.pages.steps import Timings

__all__ = ["Drift", "Flaw", "Timings", "check_all", "contract_errors", "render_all", "render_page"]
