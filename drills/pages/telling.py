"""Says of one task when it is done, what to wait for, when to stop, and what comes of it."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from drills.pages.by_hand import needs_command
from drills.pages.filling import Filling, public
from drills.pages.playbook import Task
from drills.pages.source import Remarks
from drills.pages.speech import UNSAYABLE
from drills.pages.wording import has_words, in_words


@dataclass(frozen=True)
class Telling:
    """What a page tells of `task`; `registered` says what results are called in conditions."""

    task: Task
    filling: Filling
    registered: Mapping[str, str]

    @property
    def refuses(self) -> bool:
        """Whether the task is there to stop a person."""
        return self.task.module in {"assert", "fail"}

    @property
    def message(self) -> str:
        """What is said where it stops."""
        return " ".join(self.filling.words(self.task.args.get("fail_msg", self.task.args.get("msg", ""))).split())

    def only_when(self) -> str:
        """The condition; "" without one. What needs no hands needs none, and a fail tells it where it stops."""
        if self.task.remarks.nothing_to_type or self.task.module == "fail" or "when" not in self.task.keywords:
            return ""
        return self._when()

    def conditions(self) -> Iterator[str]:
        """For each, only once: in words."""
        if self.task.remarks.nothing_to_type:
            return
        yield from self._each()
        if self.task.keywords.get("run_once"):
            yield "On one of these hosts only."

    def ends(self) -> Iterator[str]:
        """What to wait for, what must not be seen, what is worked out, what is missing."""
        yield from self._waits()
        if self.refuses:
            yield self._stop()
        nothing_to_type = self.task.remarks.nothing_to_type
        if not nothing_to_type:
            yield from self._said()
        if told := below(self.task.remarks):
            yield told
        elif nothing_to_type:
            reason = str(self.filling.words(self.task.remarks.by_hand[0].text)).partition(",")[2].strip()
            yield f"Nothing to type, {' '.join(reason.split())}"
        if self.task.missing or needs_command(self.task):
            missing = self.task.missing or self.task.module
            yield f"**Nobody has written down how a person does this** ({missing})."

    def _stop(self) -> str:
        """When to stop; the message tells a condition that has no words."""
        task = self.task
        if task.module == "fail":
            return f"**Stop{f' if {self._when()}' if 'when' in task.keywords else ''}:** {self.message}"
        if task.remarks.stop_if:
            return f"**Stop if** {self.filling.words(task.remarks.stop_if)}: {self.message}"
        if has_words(task.args.get("that")):
            return f"**Stop unless** {in_words(task.args.get('that'), self.registered)}: {self.message}"
        return f"**Stop if:** {self.message}"

    def _when(self) -> str:
        """The condition in the author's words, or in those that are known for it."""
        told = str(self.filling.words(self.task.remarks.only_when))
        return told or in_words(self.task.keywords["when"], self.registered)

    def _each(self) -> Iterator[str]:
        """What the step is repeated for; nothing where that has no words, or the commands say it themselves."""
        if (items := _items(self.task)) is None:
            return
        listed = self.filling.fill(items)
        shown = [str(each) for each in (listed if isinstance(listed, list) else [listed])]
        if not any(UNSAYABLE in each for each in shown):
            yield f"Once for each of {', '.join(map(_quoted, shown))}."

    def _waits(self) -> Iterator[str]:
        """What to repeat a look for, and what must not be seen; the proof's words go before a condition without any."""
        words, proofs = self.task.keywords, self.task.remarks.proofs
        own = {**self.registered, str(words.get("register")): "this command"}
        if "until" in words:
            unclear = proofs and not has_words(words["until"])
            sign = "you see what proves it" if unclear else in_words(words["until"], own)
            retries, delay = (
                self.filling.words(words.get(key, usual)) for key, usual in (("retries", 3), ("delay", 5))
            )
            yield f"Repeat until {sign} (at most {retries} times, {delay} s apart)."
        if (failed := words.get("failed_when", False)) is not False:
            unclear = proofs and not has_words(failed)
            sign = "you do not see what proves it" if unclear else in_words(failed, own)
            yield f"**Stop if** {sign}."

    def _said(self) -> Iterator[str]:
        """What a task without a command tells the person; `# Below:` says it better."""
        args, remarks, words = self.task.args, self.task.remarks, self.filling.words
        match self.task.module:
            case "set_fact" if not remarks.below and not remarks.proofs:
                yield from (self._noted(name, value) for name, value in args.items() if name != "cacheable")
            case "add_host" | "group_by" if not remarks.below:
                group = args.get("groups", args.get("group", args.get("key")))
                yield f"From here on `{words(args.get('name', '<this host>'))}` is in {_quoted(words(group))}."
            case "debug" if "msg" in args:
                yield f"It says: {words(args['msg'])}"
            case "meta" if "end_" in str(args.get("_text")):
                yield "Then nothing more is to be done here."
            case "meta" if args.get("_text") == "flush_handlers":
                yield "Do now what was put off to the end of this phase."
            case "reboot":
                yield "Wait until you can log in again."

    def _noted(self, name: str, value: object) -> str:
        """What a fact is; where that has no words, what it is worked out from."""
        text = self.filling.words(value)
        if UNSAYABLE not in text:
            return f"`<{public(name)}>` is {text if '<' in text else f'`{text}`'}."
        printed = ((each, called) for each, called in self.registered.items() if each != "inventory_hostname")
        known = (called for each, called in printed if re.search(rf"\b{each}\b", str(value)))
        source = " and ".join(known)
        return f"Work out `<{public(name)}>`{f' from the output of {source}' if source else ''}."


def below(remarks: Remarks) -> str:
    """What the author says of names that are used from here on, as one sentence."""
    named = (re.sub(r"^(\w+) (?=is |are )", r"`\1` ", told).rstrip(".") for told in remarks.below)
    told = "; ".join(named)
    return f"Below, {told}." if told else ""


def _quoted(text: str) -> str:
    """A value as code; of several words only its placeholders are."""
    return f"`{text}`" if " " not in re.sub(r"<[^<>]*>", "", text) else text


def _items(task: Task) -> object:
    """What the task loops over; None where it does not loop."""
    loops = (task.keywords[key] for key in task.keywords if key == "loop" or key.startswith("with_"))
    return next(loops, None)
