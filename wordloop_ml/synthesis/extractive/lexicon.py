"""The English words and phrases that the rules know; pure. What they weigh is in policy.py."""

import re

_LIGHT = """
    monday tuesday wednesday thursday friday saturday sunday january february march april june july
    august september october november december morning afternoon evening
    ability able accept across act actually add added agree agreed ahead allow allowed almost
    alright always another answer anybody anyone anything anyway around ask asked away back
    basic basically believe better big billion bit bring call came can't case cause certain
    certainly chair clear come comes coming course cuz day days definitely different does doing
    done dunno easy eight eighty eleven else enough especially even ever every everybody
    everyone everything exactly fact fairly far feel felt fifty fine first fix forty gave get
    gets getting give given gives go goes going gone gonna good gosh got gotta great guess guy
    guys half happen happened happens happy hard hear hello help high hm hold honourable hope
    hundred idea ideas important instance interesting kay keep kept kind kinda knew know knows
    last later least leave leaving left less let let's level light likely line little long look
    looking looks lot lots love low made main make makes making many matter maybe mean means
    member members might million minute minutes mister mm moment much must name need needs never
    new next nice nine ninety nobody none nothing number obviously often old one ones open
    others ought part particular people perhaps person piece place please point possible
    possibly pretty probably problem put question questions quite rather reason regard remember
    rid right run said saw say saying says second see seems seen sense set seven several show
    simple simply since six sixty small somebody someone something sometimes somewhere soon
    sorry sort sorta sound sounds start stay still stuff sure take taken takes taking talk
    talked talking tell ten terms thank thanks thing things think thinking third thirty though
    thought thousand three time times today together told took top totally tried true try trying
    turn twelve twenty two type um use used using usual usually various wanna want wanted wants
    way ways well went whatever whether whoever whole wise wonder wonderful word words work
    worked working works world worry worth would write wrong year years yep yesterday yet you'd
    zero
"""
LIGHT_WORDS = frozenset(_LIGHT.split())
"""Words that say little about what is talked of, beside the function words."""

_I = re.IGNORECASE

FIRST_PERSON = frozenset({"we", "we're", "we'll", "we've", "us", "our", "ours", "let's"})
ADDRESS = frozenset(
    {"i", "i'm", "i'd", "i'll", "i've", "me", "my", "you", "you're", "you'll", "you've", "your"}
)

# --- decisions

_WE = (
    r"(?:we|we've|we have|we had|they|(?:the )?(?:group|team|committee|board|council|"
    r"government))"
)
DECIDED = re.compile(
    rf"\b{_WE}\b(?: \w+){{0,3}} (?:decided|agreed|settled|chose|chosen|concluded|opted|"
    r"resolved|selected|approved)\b(?! (?:with|whether))"
    r"|\b(?:(?:it|that|this)(?:'s| is| was| has been)|has been|have been|are|"
    r"were) (?:now )?(?:decided|agreed|settled|approved|resolved)\b(?! by the)"
    r"|\b(?:the|our|my|final|one|a) (?:\w+ )?(?:decision|conclusion) (?:is|was|has been|that)\b"
    r"|\bmotion (?:is |was )?(?:carried|agreed|adopted|passed|defeated)\b|^(?:agreed|"
    r"carried|approved|adopted)\b",
    _I,
)
_CHOICE = (
    r"(?:go (?:with|for|ahead with)|stick (?:with|to)|use|take (?:that|the|it|this)|keep|"
    r"drop|make it|make the|leave (?:it|that|out)|"
    r"target|aim|focus|skip|choose|pick|adopt|add|remove|put|switch|move to|launch|"
    r"settle (?:on|for)|make do with|postpone|cancel|delay|hire|buy|include|exclude|"
    r"start with|ship|sell)"
)
CHOSEN = re.compile(
    r"\b(?:let's|let us|we'll|we will|we are going to|we're going to|we're gonna|"
    r"we are gonna|we go|we won't|we're not going to|we'd better) (?:(?:just|then|also|"
    rf"definitely|not) )*{_CHOICE}\b"
    r"|\b(?:we're|we are|let's) (?:\w+ )?going (?:in )?(?:with|for)\b|\bwe go (?:with|"
    r"for)\b|\bwe've (?:basically |now |pretty much |more or less )?(?:worked out|"
    r"established|settled|fixed) (?:that|on)\b|\b(?:is|are|goes|stays?) (?:in|"
    r"out) (?:as well )?then\b|\b(?:so|then) (?:we'll|let's) (?:go|use|take|make|keep|"
    r"put)\b|\bno \w+(?: \w+)? then\b|\bi think we'll (?:go|use|take|keep|stick)\b"
    r"|\b(?:kick|leave|throw|drop|cut) (?:it|that|this|them) out\b",
    _I,
)
UNDECIDED = re.compile(
    r"\?|\b(?:if we|whether|should we|could|might|maybe|perhaps|would|don't know|not sure|"
    r"haven't (?:really )?(?:decided|agreed)|"
    r"hasn't been|have to decide|need to decide|needs? to be (?:decided|agreed)|"
    r"to be decided|can't decide|not (?:yet )?(?:decided|agreed)|to decide|"
    r"decide (?:on|what|which|if|how|whether)|let's say|let's see|let's look|let's talk|"
    r"let's move|let's go (?:on|back|ahead|through|to)|"
    r"let's start|let's begin|let's hope|i (?:would )?agree|suppose|imagine|for example|"
    r"for instance|disagree|(?:how|what|where|when|which|who|why) we|(?:you|they) (?:said|"
    r"say|told)|as i (?:said|say)|keep (?:working|doing|up)|the government|(?:which|"
    r"what) \w+ we'll|keep an eye|i don't think|if i'm|short break|like we're|simple case|"
    r"in the future|we'll (?:see|have to))\b",
    _I,
)

# --- what is taken back

_DECISION = (
    r"(?:that|this|the|our|my|it|an?)(?: (?:earlier|last|previous|first|original|old))? "
    r"(?:decision|idea|plan|agreement|choice|resolution|motion)s?"
)
NOT_THAT = re.compile(
    r"\b(?:scratch|strike) (?:that|it|this|all that|what (?:i|we) (?:just )?\w+)\b"
    r"|(?:^|[,;.:!?-] ?|\b(?:actually|no|wait|okay|ok|so|well|and|but|then|just|let['’]?s|please|"
    r"sorry|oh|now|hold on|we can|we should|you can) )"
    r"(?:forget|cancel|undo|disregard|ignore|drop|scrap|reverse|never ?mind)(?: about)? "
    r"(?:that(?! \w+ (?:is|are|was|were|has|have|will)\b)|it|this|all (?:of )?that|"
    r"what (?:i|we) (?:just )?\w+)\b"
    r"|\blet['’]?s not(?: do (?:that|it|this))?(?: (?:after all|then|any ?more|actually))?"
    r"(?= *(?:[.,;!?]|$))"
    r"|\b(?:i|we)(?:['’]?ll| will)? (?:take|took|taking) (?:that|it|this) back\b"
    r"|\bwe(?:['’]?re| are) (?:not|no longer) doing (?:that|it|this)\b"
    r"|\bwe (?:won['’]?t|will not|(?:['’]?re |are )?not going to) do (?:that|it|this)\b"
    r"|\b(?:that|it|this)(?:['’]?s| is) (?:off (?:the table|again)|cancell?ed|scrapped|"
    r"no longer (?:the plan|valid|happening))\b",
    _I,
)
"""What somebody says who takes back what was said just before."""
CHANGED_MIND = re.compile(
    r"\bchang(?:ed|e|ing) (?:my|our|their|his|her) minds?\b|\bchange of (?:plans?|mind|heart)\b"
    r"|\bon (?:second thoughts?|reflection)\b|\bcome to think of it\b"
    r"|\b(?:no,? wait|wait,? no|actually,? no)\b"
    r"|\b(?:reconsidered|rethought|backtracked|gone back on|went back on|go back on)\b"
    r"|\b(?:revers|revok|overturn|withdr[ae]w|rescind|undo|drop|cancel|scrap|overrul)\w* "
    rf"{_DECISION}\b",
    _I,
)
"""Likewise, of what may have been said long before."""
NO_LONGER = re.compile(r"\b(?:instead(?! of)|after all|no longer|any ?more)\b", _I)
_NEGATED = (
    r"\b(?:decided|agreed|chose|voted) (?:against|not to)\b"
    r"|\b(?:won['’]?t|will not|not going to|not gonna|(?:aren|isn)['’]?t going to)\b"
    r"|\blet['’]?s not (?!forget|worry|get|talk|discuss|go (?:there|into)|waste|rush|start|"
    r"pretend|assume|say|kid|be\b)\w+"
)
CHANGED = re.compile(f"{CHANGED_MIND.pattern}|{NO_LONGER.pattern}|{_NEGATED}", _I)
"""Any of those, and weaker signs that an earlier decision does not hold."""
SECOND_THOUGHT = re.compile(
    r"\b(?:(?:oh|no|wait|well|sorry|actually|but|okay|hmm),? )*(?:(?:scratch|strike) that|"
    r"(?:no,? )?wait,? no|actually,? no|on second thoughts?|"
    r"we(?:['’]?ve| have)? changed our minds?|i(?:['’]?ve| have)? changed my mind)\b",
    _I,
)
"""Where a sentence that lacks its stops begins anew, if something was put down before it."""

# --- action items

_DEED = (
    r"(?:send|write(?: up| down)?|e-?mail|mail|check|look (?:into|at|up|for|around)|"
    r"prepare|ask|talk (?:to|with)|speak (?:to|with)|call|contact|ring|find(?: out)?|"
    r"figure out|finish|complete|fix|update|set up|put|organi[sz]e|schedule|share|try|run|"
    r"test|draft|review|"
    r"follow up|book|order|document|read|think about|note|circulate|bring|upload|post|"
    r"work on|work out|investigate|report|"
    r"arrange|provide|submit|collect|get back|get (?:in touch|hold|some|the|a|that|it|"
    r"them|those|rid)|make (?:sure|a|the|some|it)|give (?:you|him|her|them|us)|add|change|"
    r"do (?:it|that|the|some|a|this|those)|"
    r"come up with|go (?:over|back and)|create|design|build|print|copy|record|measure|"
    r"compare|evaluate|implement|"
    r"install|download|distribute|confirm|consult|coordinate|remind|forward|invite|meet|"
    r"see (?:if|whether|what|how)|take care|track down|deliver|let you know|let (?:him|"
    r"her|them) know|make a note|take a look|have a (?:look|think|go)|play with|work with|"
    r"retry|rerun|redo|train|clean up|sort out)"
)
_SHARED_DEED = (
    r"(?:send|write(?: up)?|e-?mail|check|look into|prepare|ask|talk to|speak (?:to|with)|"
    r"contact|find out|figure out|finish|fix|"
    r"update|set up|put together|come up with|organi[sz]e|schedule|test|draft|review|"
    r"follow up|book|order|document|circulate|upload|"
    r"work on|work out|investigate|arrange|submit|collect|get (?:in touch|hold)|meet|"
    r"build|print|measure|compare|evaluate|implement|"
    r"install|distribute|confirm|coordinate|remind|invite|track down|rerun|retry|train|"
    r"clean up|sort out|catch up with)"
)
_REQUESTED = _DEED.replace("|give (?:you|him|her|them|us)", "").replace("|read|", "|")
_ADVERBS = (
    r"(?:(?:just|also|then|definitely|probably|try to|try and|go and|go ahead and|all|"
    r"still|really|have to|need to) )*"
)
COMMITMENT = re.compile(
    r"\b(i'll|i will|i'm (?:also |just |still |probably |then )*(?:going to|gonna)|"
    r"i am going to|i've got to|i wan(?:t to|na)|i promise to|i'd better|i need to|"
    rf"i have to|i should|i can|i could|i promised to|let me) {_ADVERBS}{_DEED}\b",
    _I,
)
WEAK_COMMITMENT = re.compile(
    r"\b(?:i should|i can|i could|let me|i need to|i have to|i wan(?:t to|na))\b", _I
)
REQUEST = re.compile(
    r"\b(?:^|[,;:] |\b(?:so|and|but|then|maybe|also) )(?:can|could|would|"
    rf"will) you (?:please )?{_ADVERBS}{_REQUESTED}\b|(?:^|"
    rf"[,.] )please (?!note)(?!read){_DEED}\b"
    r"|\b(?:you|you guys)(?:'ll| will| need to| have to| should|'re going to|"
    rf" are going to|'re gonna| must|'ll have to|'ll need to) {_ADVERBS}{_DEED}\b"
    r"|\b(?:i want|i'd like|i would like|we want) you (?:guys )?to (?!give)(?!think)\w+|"
    rf"\bif you could {_ADVERBS}{_DEED}\b|\bmake sure (?:that )?you\b|"
    r"\bhow about (?:if )?you (?:two |guys |both )?(?!,)\w+|\bi want you\b|(?:^|[.,;] |"
    r"\b(?:so|and|but|then|well|now|just) )(?:find out|have a think|have a look|"
    r"take a look|send (?:me|us|him|her|it|them)|email (?:me|us|him|her|it|them)|"
    r"let (?:me|us) know|remember to|don't forget to)\b",
    _I,
)
SHARED_TASK = re.compile(
    r"\b(?:we|somebody|someone)(?:'ll| will| need to| needs to| have to| has to| should|"
    r"'re going to| are going to|'re gonna| must|'ve got to|'ll have to|'ll need to|"
    rf" still need to) {_ADVERBS}{_SHARED_DEED}\b"
    rf"|\b(?:let's|let us) {_ADVERBS}(?:come up with|finish|write|try|check|ask|find out|"
    r"set up|put together|work on|contact|send|schedule|organi[sz]e)\b"
    r"|\baction (?:item|point)s?\b|\b(?:needs|need|has|have) to be (?:done|fixed|checked|"
    r"written|finished|sent|updated|prepared|investigated|looked (?:at|into)|decided)\b|"
    r"\bto-?do list\b|\b(?:your|my|our) (?:task|job|homework|assignment)s?\b",
    _I,
)
NAMED_TASK = re.compile(
    rf"\b([A-Z][a-z]+(?: [A-Z][a-z]+){{0,2}}|(?:he|she))(?: (?:over )?(?:here|"
    r"and I))? (?:will|'ll|is going to|is gonna|are gonna|are going to|needs to|has to|"
    rf"should|is supposed to|promised to|agreed to|offered to) {_ADVERBS}{_DEED}\b"
)
NO_TASK = re.compile(
    r"\b(?:if (?:i|you|we|they|he|she)|(?:i'll|i will|i have to|i must) (?:say|tell|admit|"
    r"be)|(?:imagine|suppose|for example|for instance|would have|could have|should have)|"
    r"i'll (?:go first|start|begin|skip|explain|show)|talk about|i can (?:see|do that|"
    r"make the)|let me (?:see|just see|think|start|check if|ask|give|finish|try)|"
    r"i could do|the user (?:can|has|will|could|should|wants|needs|is)|users|people|"
    r"so (?:that )?(?:you|they|people) can|when you|you can|used to|make sense|"
    r"make the most|(?:you|i|they) said|hopefully|please note|(?:give|tell|send) (?:us|"
    r"me) (?:a|an|any|some|an?y? idea|the) (?:date|idea|indication|sense|update|number)|"
    r"i'll get a\b|finish (?:this|it) quick|the word|did occur|let's try|"
    r"we're going to evaluate|then we'll evaluate|convinced that|how about you,|"
    r"read that\b|digits?\b|do this test|the notes from|continue to|would be|as you know|"
    r"we should come up|get (?:some|the) (?:good|idea|feeling|impression)|"
    r"we need to make sure|we're going to make sure|must be|you have to (?:think|make|"
    r"look|do|read|put|see|give|change)|if (?:we|it|there)|you'll (?:see|get|have)|"
    r"you can|you should (?:be|see)|i have to (?:ask|say)|i want to (?:ask|say|talk|know|"
    r"thank|make|put|highlight)|i want to (?:be|start|read|just)|see what you mean|"
    r"do it again)\b",
    _I,
)
PUT_DOWN = re.compile(f"{DECIDED.pattern}|{CHOSEN.pattern}|{COMMITMENT.pattern}", _I)
"""A decision or a task."""
WHEN = (
    r"(?:(?:next|this|the following|coming) )?(?:monday|tuesday|wednesday|thursday|friday|"
    r"saturday|sunday)(?: (?:morning|afternoon|evening|night))?"
    r"|tomorrow(?: (?:morning|afternoon|evening|night))?|tonight|this (?:afternoon|"
    r"evening|week|month)|today"
    r"|next (?:week|month|year|time|meeting|quarter|session|sprint)|the next (?:meeting|"
    r"session|time|week)|our next meeting"
    r"|(?:the )?end of (?:the |this |next )?(?:day|week|month|year|quarter|sprint|january|"
    r"february|march|april|may|june|july|august|september|october|november|december)"
    r"|(?:the )?(?:\d{1,2}(?:st|nd|rd|th)(?: of)? )?(?:january|february|march|april|june|"
    r"july|august|september|october|november|december)(?: \d{1,2}(?:st|nd|rd|"
    r"th)?)?(?:,? \d{4})?|may \d{1,2}(?:st|nd|rd|th)?"
    r"|the \d{1,2}(?:st|nd|rd|th)|noon|midnight|lunch|(?:\d{1,2}|one|two|three|four|five|"
    r"six|seven|eight|nine|ten|eleven|twelve)(?::\d{2})? ?(?:o'clock|a\.?m\.?|p\.?m\.?)"
    r"|\d{1,2}:\d{2}|(?:a|one|two|three|four|five|six|\d+|a couple of|a few) (?:minutes?|"
    r"hours?|days?|weeks?|months?)"
)
DUE = re.compile(
    rf"\b(?:(?:by|before|until|till|no later than|due|on|at|in|within|for) )(?:{WHEN})\b|"
    r"\b(?:tomorrow(?: (?:morning|afternoon))?|tonight|this (?:afternoon|evening)|"
    r"next (?:week|month|meeting|time)|(?:next|this) (?:monday|tuesday|wednesday|thursday|"
    r"friday))\b"
    r"|\bas soon as possible\b|\basap\b|\bright after (?:this|the) meeting\b|"
    r"\bafter (?:this|the) meeting\b",
    _I,
)

# --- questions

QUESTION_TAG = re.compile(
    r"(?:,|\.|^)\s*(?:right|okay|ok|huh|no|yeah|yes|correct|eh|you know|you see|see|"
    r"or not|really|"
    r"(?:is|isn't|are|aren't|do|don't|does|doesn't|did|didn't|have|haven't|has|hasn't|"
    r"will|won't|can|can't|could|couldn't|would|wouldn't|was|wasn't) (?:it|that|they|we|"
    r"you|he|she|i|there))\s*\?$",
    _I,
)
PROCEDURAL_QUESTION = re.compile(
    r"\b(?:can you (?:hear|see)|(?:any|more|other|further) (?:questions?|comments?)|"
    r"anything else|anybody else|who's next|shall we (?:start|begin|move|go)|"
    r"(?:do you|would you|you) (?:want|wanna|like)(?: me)? (?:to )?(?:go|start|begin)|"
    r"is everyone (?:here|ready)|are (?:you|we) ready|does that make sense|"
    r"you know what i mean|"
    r"how are you|what did you say|what was that|say (?:that )?again|sorry|pardon|"
    r"excuse me|is that (?:it|okay|right|clear|fine)|"
    r"what do you (?:think|mean|reckon)|see what i mean|where's (?:the|my)|"
    r"do you (?:follow|know what)|what time is it|can i ask)\b",
    _I,
)
INDIRECT_QUESTION = re.compile(
    r"\b(?:(?:the|my|one|another|our|open|big) (?:\w+ )?question (?:is|was|would be|for)|"
    r"i (?:was )?wonder(?:ing)? (?:if|whether|how|what|why|who)|"
    r"(?:i|we) (?:still |really )?(?:don't|do not) know (?:whether|if|how|what|which|who|"
    r"when) (?:we|to|the|it|they|this)|"
    r"(?:still|we) (?:need|have) to (?:decide|figure out|find out|work out) (?:whether|if|"
    r"how|what|which|who|when)|(?:i'm|we're) not sure (?:whether|if|how|what|which) (?:we|"
    r"to|the|it|they)|"
    r"remains to be seen|is still open|open (?:question|issue)|to be decided|"
    r"haven't (?:yet )?decided)\b",
    _I,
)
HEDGE = re.compile(
    r"\b(?:i don't know|don't know|dunno|not sure|no idea|we'll see|we'll have to|"
    r"have to (?:check|see|find|look|think|ask)|good question|get back to|"
    r"think about (?:it|that)|hard to say|depends|i'll (?:check|find|look|ask)|"
    r"can't (?:say|tell|answer)|remains to be|we need to (?:find|figure|check)|"
    r"that's (?:a|the) question|have no)\b",
    _I,
)
YES_NO = re.compile(
    r"^(?:yes|yeah|yep|no|nope|sure|right|exactly|correct|of course|absolutely|definitely|"
    r"certainly|i think so|i don't think so|it is|it does|they do|we do|we did|it's|"
    r"that's)\b",
    _I,
)
POLAR = re.compile(
    r"^(?:(?:and|but|so|well|okay|then|or)[, ]+)*(?:is|are|was|were|do|does|did|can|could|"
    r"would|should|will|have|has|shall|may)\b",
    _I,
)
