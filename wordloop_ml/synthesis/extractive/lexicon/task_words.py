"""What people say who promise, ask for, or give out a task; pure."""

import re

from wordloop_ml.synthesis.extractive.lexicon.alternatives import any_of
from wordloop_ml.synthesis.extractive.lexicon.answer_words import BEHIND_OBJECT

_I = re.IGNORECASE

_VERBS = """
    send note write mail e-mail email check prepare ask call contact ring phone telephone message finish complete fix update
    set+up put organise organize schedule share try run test draft review follow+up book order
    document read circulate bring upload post work+on work+out work+with work+together investigate
    report arrange provide submit collect add change create design build print copy record measure
    compare evaluate implement install download distribute confirm consult coordinate remind forward
    invite meet deliver retry rerun redo train clean+up sort+out find+out find figure+out look+into
    look+at look+up look+for look+around talk+to talk+with speak+to speak+with chase handle fill+in
    fill+out pay sign notify inform announce verify double-check research gather compile
    estimate calculate translate edit deploy migrate release deal+with dig+into come+up+with
    track+down ping file raise go+over go+back+and think+about play+with
    merge reply respond publish register renew cancel approve assign escalate configure rename rewrite
    circle+back double+check own restart back+up roll+out roll+back hand+over reach+out sync+with
"""
_DOUBLED = frozenset({"set", "put", "run", "get", "dig", "begin", "ship", "plan"})


def _progressive(verb: str) -> str:
    """The form in -ing of a verb with its particles: setting up."""
    first, blank, rest = verb.partition(" ")
    if first in _DOUBLED:
        first += first[-1]
    return (first.removesuffix("e")) + "ing" + blank + rest


_BASE = [verb.replace("+", " ") for verb in _VERBS.split()]
DEEDS = frozenset(verb for verb in _BASE if " " not in verb)
"""Verbs that want an object: "if you could put"."""
_PHRASES = (
    r"get (?:back|in touch|hold|some|the|a|that|it|them|those|rid)|make (?:sure|a|the|some|it)|"
    r"do (?:it|that|the|some|a|this|those)|give (?:you|them|us)|see (?:if|whether|what|how)|take (?:care|a look|the|over|minutes)|"
    r"take (?:it|that|on)\b|set (?:[\w'-]+ ){1,4}up|sit down with|get (?:you|me|us|them|him|her) (?:(?:an?|the|some) (?!coffee|tea|water|drink|beer|lift|ride|seat|chair)|that\b|it\b|those\b)|have (?:a (?:look|think|go|word)|(?:[\w'-]+ ){1,4}(?:ready|done|finished|written|prepared|fixed|out|for you))|catch (?:him|her|them)\b|get on to|let (?:you|him|her|them|[\w'-]+|the [\w'-]+) know|"
    r"get (?-i:[A-Z])[\w'-]+ to|drop (?:[\w'-]+ ){1,3}an? (?:line|note|mail|email|message)|sort (?!of\b)(?:[\w'-]+ ){1,4}out|pick (?:it|this|that) up|pick up the (?:[\w'-]+ ){0,2}(?:ticket|task|story|issue|bug|work)|see to"
)
_DEED = rf"(?:{'|'.join(sorted(_BASE, key=len)[::-1])}|{_PHRASES})"
_DOING = (
    rf"(?:{'|'.join(sorted((_progressive(verb) for verb in _BASE), key=len)[::-1])}|"
    r"taking (?:care|over|minutes))"
)
_SHARED_DEED = (
    r"(?:send|write(?: up)?|e-?mail|check|look into|prepare|ask|talk to|speak (?:to|with)|"
    r"contact|find out|figure out|finish|fix|"
    r"update|set up|put together|come up with|organi[sz]e|schedule|test|draft|review|"
    r"follow up|book|order|document|circulate|upload|"
    r"work on|work out|investigate|arrange|submit|collect|get (?:in touch|hold)|"
    r"build|print|measure|compare|evaluate|implement|"
    r"install|distribute|confirm|coordinate|remind|invite|track down|rerun|retry|train|"
    r"clean up|sort out|catch up with)"
)
_REQUESTED = _DEED.replace("|give (?:you|them|us)", "").replace("|read|", "|")
_ADVERBS = (
    r"(?:(?:just|also|then|definitely|probably|maybe|perhaps|please|try to|try and|go and|"
    r"go ahead and|all|still|really|have to|need to|all|both|quickly) )*"
)
_GOING = r"(?:(?:also |just |still |probably |then |both |all )*(?:going to|gonna))"
COMMITMENT = any_of(
    rf"\bi(?:'ll| will| shall|'m {_GOING}| am {_GOING}|'ve got to| want to| promise to|'d better| need to| have to| should| can| could| promised to) {_ADVERBS}(?:{_DEED}|be {_DOING})\b",
    rf"^(?:(?:yeah|yes|sure|okay|i'm|i am) )*(?:happy|glad) to (?!sign off){_DEED}\b",
    r"\bi'm on it\b",
    rf"\blet me {_ADVERBS}{_DEED}\b",
    rf"\bi'm {_DOING} (?:it|that|this|them|the)\b[^.?!]*\b(?:by|before|tomorrow|tonight|next|on \w+day)\b",
    r"\byou'll (?:have|get) [^.?!]*\bfrom me\b",
    r"\byou'll (?:have|get) (?:an?|the|it|that|them|your)\b[^.?!]*\b(?:by|before|tomorrow|tonight|today|first thing)\b",
    r"(?:^|[.,;] |\b(?:yeah|mine|okay|just) )give me (?:till|until)\b",
    r"\bi'd rather (?:take|do|ask|handle) (?:it|that|them|this|him|her)\b",
    r"\b(?:leave (?:it|that|this|the [\w-]+) (?:to|with) me|i(?:'ll| will) (?:get on|be on) (?:it|that))\b",
)
SOME_DEED = re.compile(
    r"\b(?:i'll|i will|i'm going to|i'm gonna) (?:(?:just|also|then|simply|[a-z]+(?<!p)ly|try to|try and|go and|have to|need to) )*+"
    r"(?!(?:be|get (?:home|here|there|up|back|off)|feel|enjoy|sleep|watch|hope|see|go|come|stay|drink|eat|remember|wait|have|say|tell|know|think|guess|talk|show|miss|arrive|leave|start|begin|stop|need|want|like|love|never|not|always)\b)[a-z]{2,}\b",
    _I,
)
"""A promise to do whatever it is: with a due it is one."""
OFFERED = re.compile(
    rf"\b(?:shall i|should i|(?:do you )?(?:want|need) me to|would you like me to) (?:just |then |also )*{_DEED}\b(?!.*\bnow\W*$)",
    _I,
)
"""A question that offers to do something."""
PRONOUN_OBJECT = re.compile(
    rf"\bi(?:'ll| will) {_ADVERBS}{_DEED} (?:(?:both|all) of )?(?:it|that|them|him|her|this|those){BEHIND_OBJECT}|\byou'll (?:have|get) (?:it|them|that)\b",
    _I,
)
"""A promise to do something with what was said just before."""
BRIEF = re.compile(
    rf"^(?:(?:okay|yeah|yes|sure|so|and) )?i(?:'ll| will) {_DEED}(?: (?:it|that|them|him|her|this))?[.!]?$",
    _I,
)
"""A promise in fewer words than others: what of was said just before."""
WEAK_COMMITMENT = re.compile(
    r"\b(?:i should|i can|i could|let me|i need to|i have to|i want to)\b", _I
)
WISH = re.compile(r"\bi want to\b", _I)
WEAKLY_SHARED = re.compile(r"(?:we|let's|let us)\b", _I)
"""With this begins what all mean to do, and mostly nobody does."""
WOULD_YOU = re.compile(r"would you\b(?! (?:\w+ )?mind)", _I)
"""A question more often than a request."""
COULD = re.compile(r"\bi (?:could|should)\b", _I)
"""No day makes a promise of this."""
OFFER = re.compile(r"\b(?:(?:happy|glad) to|i can|i could|i should|i have to|let me)\b", _I)
"""A promise once somebody says yes."""
REQUEST = any_of(
    rf"(?<!\bhow )(?<!\bwhat )(?<!\bwhere )(?<!\bwhy )(?<!\bwho )(?<!\bwhen )\b(?:can|could|would|will) (?:you|somebody|someone|anybody|anyone)(?: guys| all| two| three| both)? {_ADVERBS}{_REQUESTED}\b",
    rf"\b(?:would|do) you (?:\w+ )?mind {_DOING}\b",
    rf"^(?:[\w'-]+ )?fancy {_DOING}\b",
    rf"\b(?:can|could|may) i ask you to {_ADVERBS}{_DEED}\b",
    rf"\b(?:would you be (?:able|okay|willing|happy)|are you (?:able|okay|alright|willing|happy|fine)) to {_ADVERBS}{_DEED}\b",
    r"\bover to you for\b",
    rf"(?:^(?:(?:okay|right|well|hey|hi|yes|thanks) )*(?:[\w'-]+ )?|[.,] |\b(?:and|so|then) )please (?!note)(?!read){_DEED}\b",
    rf"(?<!\bthat )(?<!\bthen )(?<!\bwhich )(?<!\bbecause )(?<!\bwhatever )(?<!\bthing )\byou(?: guys| two| three| all| both)?(?:'ll| will| need to| have to| should|'re {_GOING}| are {_GOING}| must|'ll have to|'ll need to) {_ADVERBS}(?:{_DEED}|be {_DOING})\b",
    r"\b(?:i want|i'd like|i would like|we want|i need|we need) you (?:guys |all |both |two )?to (?!give)(?!think)\w+",
    rf"\bif you (?:guys |two |all )?(?:could|can|would|want to)(?: (?:two|both|all))* {_ADVERBS}{_REQUESTED}\b",
    r"\bmake sure (?:that )?you\b",
    rf"\bhow about (?:if )?you (?:two |guys |both )?{_DEED}\b",
    r"\bit(?:'s| is) your (?:task|job) to\b",
    r"(?:^|[.,;] |\b(?:so|and|but|then|well|now|just) )(?:find out|have a think|have a look|take a look|send (?:me|us|him|her|it|them)|email (?:me|us|him|her|it|them)|let (?:me|us) know|remember to|don't forget to)\b",
)
ANYBODY = re.compile(
    r"\b(?:you (?:guys )?(?:need to|have to|should|must|(?:'ll|will|are going to|'re going to) (?:have|need) to)|"
    r"you(?:'ll|'re going to) (?:have|need) to)\b",
    _I,
)
"""What is mostly said of anybody: "you have to press it"."""
ALLOWED = re.compile(r"\b(?:maybe|perhaps|you (?:could|can|would|might))\b", _I)
"""Where this stands before "if you can ...", that is a condition and no request."""
RELATIVE = re.compile(
    r"\b(?:an?|the|any|of|all|some|those|these) (?:[\w'-]+ ){0,2}(?!that\b)[a-z'-]{4,} (?:that|which) $",
    _I,
)
"""Before "needs to be done": what sort of thing is spoken of."""
GIVEN_UP = re.compile(
    r" (?:if|that|to|the|an?|of|at|whether|and|but) (?:Well|But|So|And|Yeah|No|Okay|It|This|That|We|You|They)\b"
)
"""What follows a phrase whose speaker begins anew."""
YEAHS = re.compile(r"\b(?:yeah|yes|yep|okay|ok|right|so|and)\b", _I)
THEN = re.compile(
    r"\b(?:then|(?:i|we|it|you|they|that|there|he|she)(?:'ll|'d|'re|'s|'ve| (?:can|could|would|will|is|are|"
    r"should|might|may|have|has|don't|just|don't|want|need|get))) ",
    _I,
)
"""What follows behind "if you can ..." where that is no request."""
SHARED_TASK = any_of(
    rf"\b(?:we|somebody|someone)(?:'ll| will| need to| needs to| have to| has to| should|'re going to| are going to| must|'ve got to|'ll have to|'ll need to| still need to) {_ADVERBS}{_SHARED_DEED}\b",
    r"\b(?:what we (?:all )?(?:have|need) to do (?:now|next) is|thing we (?:all )?(?:have|need|want) to do is)\b",
    r"\banyone who (?:hasn't|has not)\b",
    r"\b(?:someone|somebody)(?: really| just)?(?: needs? to| has to| must|'s got to| has got to| ought to) (?:really |just )?(?!be\b|have\b|say\b|know\b)\w+",
    rf"\b(?:let's|let us) {_ADVERBS}(?:come up with|check|ask|find out|set up|put together|work on|contact|send|schedule|organi[sz]e)\b",
    r"\baction (?:item|point)s?\b",
    r"\b(?:needs|need|has|have) to be (?:done|fixed|checked|written|finished|sent|updated|prepared|investigated|looked (?:at|into)|decided)\b",
    r"\bto-?do list\b",
)
_WHO = (
    r"(?:[Tt]he (?P<role>(?:[\w-]+ ){0,3}?[\w-]+)|(?P<name>[A-Z][\w'-]+(?: [A-Z][\w'-]+){0,2})|"
    r"(?P<lower>[a-z][\w-]+))(?: (?:over )?here| and I)?"
)
ROLE = re.compile(
    r"\b(?:designer|manager|expert|engineer|developer|director|architect|analyst|assistant|secretary|"
    r"accountant|lawyer|lead|officer|chair(?:man|woman|person)?|editor|researcher|consultant|intern|team)s?$",
    _I,
)
"""What people are called whose names nobody knows."""
HE_HAS_TO = re.compile(r"^(?:he|she)(?: needs to| has to| should| is supposed to|'s )", _I)
HAVE_NAMED = re.compile(
    rf"\b(?i:can we|could we|let's|we should|we'll) (?:get (?P<got>[A-Z][\w'-]+) to|have (?P<had>[A-Z][\w'-]+)) {_ADVERBS}{_DEED}\b"
    rf"|^(?i:(?:so|and|then|okay) )*(?P<noted>[A-Z][\w'-]+) to {_DEED}\b"
    rf"|(?:^|[.,] |\b(?:and|so|then|anyway|okay) )(?P<told>[\w'-]+) (?:please )?{_REQUESTED}\b(?! (?:me|us) (?:that|what|how|why)\b)"
)
"""A task for somebody by name, as one has it done, notes or says it: "Ben to send the invoice", "Ben, send the invoice"."""
NAMED_TASK = re.compile(
    rf"(?<!\bwith )(?<!\bof )(?<!\bfor )(?<!\bto )(?<!\bin )(?<!\bby )(?<![\w-]){_WHO}(?: will|'ll| is {_GOING}|'s {_GOING}| are {_GOING}| needs to| has to|"
    rf" should| is supposed to| promised to| agreed to| offered to) {_ADVERBS}(?:{_DEED}|be {_DOING})\b"
)
"""Somebody by name or role; a name in lower case, too, which has to be a voice's."""
CONDITIONAL = any_of(
    r"\b(?:if|unless|when|whenever|imagine|suppose|for example|for instance|until)(?: [\w'-]+){0,7} $",
    r"\b(?:don't|do not|doesn't|didn't) (?:think|believe|expect|want|imagine|suppose)(?: (?!but\b)[\w'-]+){0,5} $",
    r"\b(?:doubt|not (?:sure|certain)|unlikely)(?: (?!but\b)[\w'-]+){0,5} $",
    r"\b(?:say|says|saying|said|like)(?: (?:ok|okay|well|oh|that|hey|yes|no))* $",
    r"\b(?:how|what|where|why|who|when|which)(?: [\w'-]+){0,2} $",
)
"""In front of a task it makes none of it."""
NO_TASK = re.compile(
    r"\b(?:(?:i'll|i will|i have to|i must) (?:say|tell (?:you|us|everyone|that)|admit|be\b(?! \w+ing))|"
    r"(?:would have|could have|should have)|"
    r"i'll (?:go first|start|begin|skip|explain|show)|talk about|i can (?:see|do that|"
    r"make the)|let me (?:see|just see|think|start|check if|ask|give|finish|try)|"
    r"i could (?:do|see)|the user (?:can|has|will|could|should|wants|needs|is)|users|people (?:can|could|will|would|want|need|have|do|are|like|don't)\b|"
    r"in theory|hypothetically|some ?day|so (?:that )?(?:you|they|people) can|at some point|(?<!if )you can|used to|make sense|"
    r"make the most|(?:you|i|they) said|hopefully|please note|(?:give|tell|send) (?:us|"
    r"me) (?:a|an|any|some|an?y? idea|the) (?:date|idea|indication|sense|update|number)|"
    r"(?:it|that|this|them) (?:down |up |out )?(?:right )?now\b|i'll get a\b|finish (?:this|it) quick|the word|did occur|let's try|"
    r"we're going to evaluate|then we'll evaluate|convinced that|how about you,|talk to you|have to talk|(?:try and|try to) be|ask \w+ to (?:come|speak|answer|respond|give us)|then we(?:'ll| will)|go over|finish up|be (?:talking|showing|going)|"
    r"read that\b|digits?\b|do this test|the notes from|continue to|would be (?!great|good|nice)|as you know|"
    r"we should come up|get (?:some|the) (?:good|idea|feeling|impression)|"
    r"we need to make sure|we're going to make sure|must be|you have to (?:think|make|"
    r"look|do|read|put|see|give|change)|(?:you'll|you will) (?:see|get|have|find)\b(?!.*\b(?:from me|by|before|tomorrow|tonight|today)\b)|"
    r"you should (?:be|see)|i have to (?:ask|say)|i want to (?:ask|say|talk|know|"
    r"thank|make|put|highlight)|i want to (?:be|start|read|just)|see what you mean|"
    r"do it again|(?<!\bfor )(?<!\bby )(?<!\bfrom )(?<!\buntil )now(?: i'll|,? let me| i'm going to)|we'll (?:soon )?find out|i want to remind|(?:i'll|i will) (?:remind (?:[\w']+ ){1,3}that|ask a question|call (?:that|it) a)|let me make a|sharing my time|i can (?:also )?(?:confirm|report|announce) that|from this end)\b",
    _I,
)
EXPLAINED = any_of(
    r"\bif (?:i|we|they|it|there) (?:had|were)\b.*\b(?:could|would)\b",
    r"\bmy role (?:is|here|as)\b",
    r"^should you\b",
    r"\b(?:must|have to|need to|should)\b.* or (?:they|people|customers|users|nobody|it)(?:'ll| will| won't)\b",
    r"\boccur(?:s|red)? to (?:me|us|him|her|them)\b",
    r"\bin (?:our|my|this|that|the) (?:\w+ )?(?:scheme|approach|method|set-?up)s?,? (?:we|i|you|it|they)\b",
)
"""In a sentence that tells how something works, or what came to mind, nothing is given out."""
AT_ONCE = re.compile(
    r"\b(?:(?:for|in) a (?:second|moment|minute|sec)|go back (?:a|one|two|to (?:the|that|this) (?:slide|page|picture|previous|last))|next slide|(?:this|the|that|your|one) (?:slide|page|screen|mic|microphone)\b|this (?:white)?board|i'm just (?:quickly )?going to (?:write|note|look|read|open|go)\b|"
    r"right now|before we start|write (?:[\w']+ ){0,5}down|rub|(?:un)?plug|press|click|scroll|zoom|switch (?:it )?(?:on|off)|turn (?:it |that )?(?:on|off|up|down|round)|"
    r"hear me|pass me|hand me|on the (?:white)?board|draw|speak up|repeat|say (?:that|it) again|wait|hold on|hang on)\b",
    _I,
)
"""What is asked for, or promised, and done within the meeting."""
NAMED_BEFORE = re.compile(r"(?-i:[A-Z])[\w'-]+,? (?:and|or) $")
"""Before the name of one who is to do it: others are, too."""
ASSIGNED = any_of(
    rf"{NAMED_TASK.pattern.replace('?P<role>', '?:').replace('?P<name>', '?:').replace('?P<lower>', '?:')}",
    rf"\byou(?:'ll| will|'re {_GOING}| are {_GOING}| should| need to) {_ADVERBS}(?:{_DEED}|be {_DOING})\b",
    rf"{COMMITMENT.pattern}",
)
