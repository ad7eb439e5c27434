"""The English words and phrases that the rules know; pure. What they weigh is in policy.py."""

import re

_I = re.IGNORECASE

# --- decisions

_WE = r"(?:we|we've|we have|we had|(?:the )?(?:group|team|committee|board|council|government))"
DECIDED = re.compile(
    rf"\b{_WE}\b(?: (?!(?:never|almost|nearly|hardly|not|you|they|he|she|who|i)\b)\w+){{0,3}} "
    r"(?:decided|agreed|settled|chose|chosen|concluded|opted|resolved|selected|approved)\b(?! (?:with|whether))"
    r"|\b(?:we're|we are) (?:(?:all|both|now|basically|pretty much|finally) )*(?:decided|agreed|settled|resolved)\b(?! (?:with|whether))"
    r"|\b(?:(?:it|that|this)(?:'s| is| was| has been)|has been|have been|are|"
    r"were) (?:now )?(?:decided|agreed|settled|approved|resolved)\b(?! by the)"
    r"|\b(?:the|our|my|final|one|a) (?:\w+ )?(?:decision|conclusion) (?:is|was|has been|that)\b"
    r"|\bthat's what we(?:'re| are) (?:doing|going with)\b(?! (?:already|now|at)\b)|\bmotion (?:is |was )?(?:carried|agreed|adopted|passed|defeated)\b|^(?:agreed|"
    r"carried|approved|adopted)\b",
    _I,
)
_CHOICE = (
    r"(?:go (?:with|for|ahead with)|stick (?:with|to)|use|take (?:that|the|it|this)|keep|"
    r"drop|make it|make the|leave (?:it|that|out)|"
    r"target|aim|focus|skip|choose|pick|adopt|add|remove|put|switch|move to|launch|"
    r"settle (?:on|for)|make do with|postpone|cancel|delay|hire|buy|include|exclude|"
    r"start with|ship|sell(?! more)|push (?:it|that|the|back)|move (?:it|that|the|our)|shift|bring (?:it|that|the [\w-]+) forward|"
    r"lock (?:in|it|that)|cut (?:it|the)|raise the|reduce|increase|scrap|split|rename|replace)"
)
CHOSEN = re.compile(
    r"\b(?:let's|let us|we'll|we will|we are going to|we're going to|"
    r"we go|we won't|we're not going to|we'd better) (?:(?:just|then|also|"
    rf"definitely|not) )*{_CHOICE}\b"
    r"|\b(?:we're|we are|let's) (?:\w+ )?going (?:in )?(?:with|for)\b|\bwe go (?:with|"
    r"for)\b|\bwe've (?:basically |now |pretty much |more or less )?(?:worked out|"
    r"established|settled|fixed) (?:that|on)\b|\b(?:is|are|goes|stays?) (?:in|"
    r"out) (?:as well )?then\b|\b(?:so|then) (?:we'll|let's) (?:go (?:for|with)|use|take|make|keep|"
    r"put)\b|\bno (?!but|i|we|it|that|one|not|then|problem|need)\w+(?: (?!but|we|i)\w+)? then\b|\bi think we'll (?:go|use|take|keep|stick)\b"
    r"|\b(?:kick|leave|throw|drop|cut) (?:it|that|this|them) out\b"
    r"|\b(?:is|are|'s|'re) (?:\w+ )?(?:the way to go|definitely (?:in|out|going in))\b"
    r"|^(?:(?:okay|right|so|then|well|alright|yeah|yes|no|fine|the) )*+(?!(?:what|how|who|where|which|that|than|as|whatever|like|i|and|but|because|here|there|now)\b)"
    r"[\w'-]+(?: (?!(?:because|as|like|how|what|where|that)\b)[\w'-]+)? it is(?: then\b| for\b| no [\w-]+|[.!]?$)|^(?:(?:okay|right|so|then) )*(?:it's (?:a )?)?no to (?:the|an?)\b"
    r"|(?:^|\b(?:by|with) me )go ahead with (?:the|that|it|this|both)\b|\b(?:happy to|i'll|i will|we) sign off\b"
    r"|\b(?:moves|is moved|shifts|is postponed|is pushed)(?: back| forward)? to [\w ]+ then\b"
    r"|\bi take (?:that|those|it|them) as (?:read|approved|agreed)\b|(?<!were )(?<!was )(?<!be )(?<!got )\bcarried[.!]?$|\bunanimous[.!]?$|\b(?:we'll|let's) (?:park|hold over) (?:that|this|it|the)\b"
    r"|^(?:right |okay |so |good )*then [\w' ]{2,30} is our\b|\bthat's [\w' ]{2,30} (?:sorted|settled|agreed|decided)\b"
    r"|^(?:(?:okay|right) )?(?:so|then) no (?!but|i|we|it|that|one|not|then|problem|need|worries|idea|way)\w+[.!]?$|^(?:(?:okay|right|fine|yeah) )*(?:go|stick|run) with (?:the|that|it)\b"
    r"|\bfrom now on\b|\beffective immediately\b"
    r"|\b(?:so|okay|then|yeah) we (?:lose|drop) (?:the|that|it|those)\b",
    _I,
)
CHOSEN_AS_DONE = re.compile(
    r"^(?:(?:so|then|right|okay) )+(?:all )?(?:the|our) [\w' ]{2,30} (?:go(?:es)?|stays?|moves?) (?:to|on|at|with|in|off)\b|\b(?:it|that|this) stays [\w' ]{2,20} (?:till|until|for now)\b"
    r"|\bthen (?:[\w' ]{2,40} )?we (?:run|hold|keep|use|take|stop)\b|^so we (?:launch|ship|go live|postpone|cancel)\b"
    r"|^(?:(?:okay|right|good|great|fine|so|then|alright|yeah|yes) )+we're (?:all )?(?:tabling|postponing|dropping|parking|skipping|cancelling|pushing|moving|keeping|sticking (?:to|with)|going ahead with|leaving (?:it|that|out))\b"
    r"|^(?:okay|alright|right|fine|sorted|good) (?:(?:so|yeah|well|yes|then) )*we (?:just )?(?:hold|keep|cut|use|take|drop|move|run (?!into|out)|launch|ship|open|close|pay|buy|hire|wait|skip|leave (?:it|out)|"
    r"stay|stick|push|bring|go live|go (?:ahead|with|for)|postpone|cancel)\b",
    _I,
)
"""What a meeting will do from now on, said in the present tense."""
HABITUAL = re.compile(
    r"\b(?:every|each|always|usually|often|sometimes|normally|mostly|already|currently|a (?:day|week|month|year|person)|per \w+|on \w+days|lately|these days|at the moment|anyway|"
    r"as (?:usual|you know|always)|if|when(?:ever)?|late|wait(?: for)?)\b",
    _I,
)
"""It tells of what is always so."""
DO_IT = re.compile(
    r"^(?:(?:yeah|yes|yep|okay|right|alright|fine|good|great|then|well|sure|so) )*(?:let's (?:just )?do (?:it|that)|do (?:it|that)|go on then|go for it|let's go for it)\b(?! (?:again|now|later|next))",
    _I,
)
"""What was proposed just before is decided by these words."""
ASKED_OF_US = re.compile(
    r"\b(?:shall|should|could|can|do) we (?!(?:just |all )?(?:start|begin|go on|move on|continue|get (?:started|going|on)|hear|see)\b)\w+.*\?$",
    _I,
)
WHAT_ABOUT = re.compile(r"^(?:(?:so|and|or|okay|well) )*(?:what|how) about\b", _I)
STRONGLY_AGREES = re.compile(
    r"^(?:(?!\b(?:not|never|no|don't|isn't|doesn't|hardly|can't)\b).)*\b(?:let's do (?:that|it)|let's go (?:for|with) (?:it|that)|works for me|fine by me|agreed|i agree|sounds good|good idea|perfect)\b",
    _I,
)
"""What it takes to decide what was asked about so."""
UNREAL = re.compile(
    r"\b(?:last (?:year|month|spring|summer|autumn|fall|winter|quarter)|(?:years?|months?|ages) ago|back (?:then|in)|at the time|originally)\b|"
    r"\b(?:i wish|wished|before|unless|once|in case|until|if only|as soon as|as if|had) (?:that )?"
    r"(?:we|they|the (?:group|team|committee|board|council))\b",
    _I,
)
"""Before "we decided" it says that nobody did, or not yet."""
_NOT_MEANT = (
    r"forget|worry|get|talk|discuss|go (?:there|into)|waste|rush|start|pretend|assume|say|kid|be\b"
)
"""Behind "let's not" it proposes nothing."""
PROPOSED = re.compile(
    rf"(?:^|\b(?:so|and|but|or|then|well|okay) )(?:shall we|why don't we|how about we|do we|are we going to) "
    rf"(?:just |then |also )*{_CHOICE}\b"
    r"|\blet's (?:just )?(?:run with|leave (?:the |our )?[\w ]+ out|hold off|watch|split|offer|charge|cap|book|order|invite|pay (?!attention)\w)"
    rf"|\ball in favou?r of\b|\bthe plan is\b|\blet's not (?!{_NOT_MEANT}|hold (?:our|your))\w+"
    r"|\bi (?:(?:would |'d )?(?:suggest|propose|recommend)|vote) (?:that |for |we )"
    rf"|\bwe (?:should|want to) (?:just |probably |definitely |only )*{_CHOICE}\b"
    r"|\bwe (?:definitely )?want (?:an?|the|both|only|just)\b"
    r"|\b(?:i would|i'd) (?:go for|go with|keep|take|use|put)\b"
    r"|\b(?:that|it|this|they)(?:'s| is|'re| are) (?:out|in)(?: then| right)?[,.!?]*$",
    _I,
)
"""What one proposes; decided when another agrees at once."""
AGREES = re.compile(
    r"^(?:yes|yeah|yep|yup|okay|ok|right|sure|exactly|agreed|definitely|absolutely|good idea|"
    r"sounds? (?:good|great|fine)|fine|perfect|great|cool|excellent|i agree|of course|alright|"
    r"all right|will do|no problem|that's (?:fine|good|right|great|okay|it)|i think so|"
    r"let's do (?:that|it)|let's go for it|go for it|i'm (?:fine|happy|okay) with|makes sense|works for me|fine by me|me too|"
    r"same here|seconded|i second|aye|deal|i'm in|no objections?|love it|i'm sold|sold)\b"
    r"(?! (?:but|though|i don't|not|whatever))(?!,? (?:but|though|no\b))",
    _I,
)
ASKS_ASSENT = re.compile(
    r"(?:^|\b)(?:is |are )?(?:every(?:one|body)|you all|you guys|we all|all of you|any(?:one|body)) (?:okay|ok|good|happy|all right|alright|fine|agreed|against|objects?)"
    r"(?: (?:with|by|on) (?:that|this|it))?\W*$|\bis that (?:acceptable|agreed)\b|\bany objections\b",
    _I,
)
"""Who says so puts what they said before to all."""
OF_ONESELF = re.compile(
    r"^(?:\w+ )?(?:i|i'm|i've|i'd|i'll|you|you're)\b|\b(?:record\w*|hear|see|break|start\w*|begin)\b",
    _I,
)
"""What is told, or concerns the meeting itself: nothing to agree to."""
VOTED = re.compile(r"^(?:(?:so|and|that's|it's|motion) )*(?:unanimous|carried)\b", _I)
CLOSES = re.compile(
    r"^(?:okay|right|good|great|alright|fine|perfect|lovely|excellent|sold|yeah|yes|sure)(?: (?:good|great|fine|yeah|yes|okay))? (?:so|then) (?!(?:and|but|or|if|when|because|next|first|last|what|how|who|where|why|yeah|yes|no\b(?! \w))\b)|^then (?=[\w ]+ and \w)",
    _I,
)
"""Behind these words a few that were just said tell what it comes to: "good, so the brewery"."""
CLOSES_THEN = re.compile(
    r"^(?:(?:okay|right|good|great|fine|so|alright|yeah|yes) )+(?!(?:any|questions?|see|talk|bye|thanks|next|go|start|move|back|let|let's|i|you|what|how|who|where|why|when|if|maybe)\b)(?=[\w' ]+ then[.!]?$)",
    _I,
)
"""Likewise, with a verb: "okay, Pellman is Mo's account then"."""
_WELL = r"^(?:(?:oh|well|um|hmm|sorry|but|wait|hang on|hold on|okay|actually|unfortunately),? )*"
REFUSES = re.compile(
    rf"{_WELL}(?:no|nope|nah|sorry|i (?:really )?(?:can't|cannot|won't)|i don't (?:think|have|want)|i'm afraid|"
    r"not (?:me|now|really)|i(?:'d| would) rather not|i'm (?:away|off|out|on (?:holiday|leave|vacation)))\b"
    r"(?!,? (?:problem|worries))"
    r"|\b(?:so|but|because|sorry,?|unfortunately,?) i (?:can't|cannot|won't)\b(?! wait)(?!.*\b(?:before|until|till)\b)",
    _I,
)
OBJECTS = re.compile(
    rf"{_WELL}(?:(?:no,? )?(?:absolutely|definitely|certainly|of course|please) not|not (?:so fast|yet)(?=\W*$)|"
    r"(?:no,? )?i (?:\w+ )?disagree|(?:no,? )?i (?:\w+ )?(?:don't|do not) (?:like|agree|want)|(?:no,? )?i'm (?:against|not (?:happy|convinced|in favour))|"
    r"i (?:veto|object)|that (?:won't|doesn't|will not) work|let's (?:wait(?=\W*$| with (?:it|that)| until)|not(?: do (?:that|it|this))?(?=\W*$)))(?!\w)",
    _I,
)
SAYS_NO = re.compile(
    rf"{_WELL}(?:no|nope|nah)\b(?:\W*$|[,.]? (?:never|no|way|please|sorry|not|(?:it|that)(?:'s| is) (?:too|not|wrong)|too|because|"
    r"(?:i|we|you) (?:can't|cannot|don't|won't|shouldn't|hate|would not|wouldn't)|(?:i|we)(?:'d| would) rather)\b)(?! (?:doubt|worries|problem))",
    _I,
)
ASKS_FOR_NO = re.compile(
    r"\b(?:(?:any|no) (?:objections?|questions?|other (?:views|ideas|thoughts))|any(?:body|one) (?:against|opposed|minds?|objects?|disagrees?|else)|anything else)\b",
    _I,
)
"""To which "no" is a yes."""
THANKS = re.compile(r"^(?:thanks|thank you|lovely|brilliant|that'd be|that would be)\b", _I)
"""It accepts what was offered."""
_LEFT_TO_ME = r"\bleave (?:it|that|this) (?:to|with) me\b"
TAKES_ON = re.compile(
    rf"\b(?:i'll|i will|i'd rather) (?:do|take|handle|grab) (?:it|that|this)\b|{_LEFT_TO_ME}",
    _I,
)
"""It says nothing of what, but that somebody does it."""
BEHIND_OBJECT = (
    r"(?=\W*$|[,.;?!]|\s+(?:for|as|by|before|after|when|if|in|on|at|to|with|from|then|too|there|now|today|"
    r"tomorrow|tonight|and|but|so|or|next|later|again|because|until|first|myself|yourself|together|up|out|"
    r"round|around|over|down|off|back|a|i|we|you|soon|also|anyway|instead)\b)"
)
"""What may follow "it" and "that" where they are all that is done."""
TAKES_OVER = re.compile(
    r"\bi'd rather (?:take|do) (?:it|that)\b|\b(?:i'll|i will|i can|i could|let me) (?:just )?(?:(?:do|take|handle|grab|catch|cover|take (?:care of|over)|deal with)|"
    rf"(?P<deed>write|send|make|call|fix|check|prepare|finish)) (?:it|that|this){BEHIND_OBJECT}|{_LEFT_TO_ME}",
    _I,
)
"""Who says so takes on what another was asked for, or promised; with a deed, if it is the same one."""
ASKED_ON = re.compile(
    r"\b(?:can|could|would|will) (?:you|someone|somebody) (?:\w+ )?(?:do|take|handle) (?:it|that|this)\b",
    _I,
)
"""What is asked of the next one when somebody cannot."""
WAVED_OFF = re.compile(
    r"^(?:(?:no|oh|well|that's|it's),? )*(?:not (?:so |that |really )?(?:important|necessary)|no need|never ?mind|"
    r"(?:don't|do not) (?:worry|bother)|you (?:don't|do not) (?:have|need) to(?=\W*$))\b",
    _I,
)
"""Who says so does not need what was promised."""
RECAP = re.compile(
    r"\b(?:to (?:sum|summari[sz]e|wrap)(?: it| things| this)?(?: all)? up|to (?:summari[sz]e|recap|conclude)|"
    r"in (?:summary|conclusion)|(?:quick|short|just a) (?:recap|summary)|"
    r"we(?:'ve| have) (?:basically |now |pretty much |more or less )*(?:worked out|established|"
    r"settled|concluded)|"
    r"what we(?:'ve| have)? (?:decided|agreed|got|worked out)|"
    r"(?:that's|that is|this is) (?:basically )?(?:our|the|what our) (?:\w+ )?(?:concept|design|plan|decision|proposal)|"
    r"with (?:that|this)(?: that)? (?:kind of )?(?:general )?(?:\w+ )?(?:specification|plan|idea|concept) in mind)\b",
    _I,
)
"""Where somebody begins to say what it all came to."""
RECAPPED = re.compile(
    r"\b(?:we're|we are|we have|we've got|we'll|we will|we want|we don't|it's going to|it is going to|"
    r"it will|it'll|there's|there is|there will be|(?:is|are) (?:also|now|going to be)|no)\b",
    _I,
)
"""What follows there."""
WITHOUT = re.compile(
    r"(?:^|[.!?,;] )(?:no(?! (?:worries|problem|rush|hurry|pressure|doubt|idea|way|thanks|one|need|chance)\b)|not|without) \w",
    _I,
)
"""A list that leaves something out."""
DENIED = re.compile(
    r"\b(?:no|without|los(?:e|ing)|drop(?:ping)?|skip(?:ping)?|scrap(?:ping)?|remov(?:e|ing)|"
    r"cut(?:ting)? out|leav(?:e|ing) out|get(?:ting)? rid of|rub(?:bing)? out|not (?:use|using|have|having)) "
    r"(?:the |a |an |any |our |that |those )*((?:[\w'-]+ ?){1,3})",
    _I,
)
"""What is left out by these words, and a little of what follows."""
UNDECIDED = re.compile(
    r"\b(?:(?:the|an?|this|these) [\w' -]{1,30}(?:that|which) we(?:'re| are|'ll| will| want| need| should| have)|probably|if we|whether|should we|could|might|maybe|perhaps|would|don't know|not sure|"
    r"haven't (?:really )?(?:decided|agreed)|"
    r"hasn't been|have to decide|need to decide|needs? to be (?:decided|agreed)|"
    r"to be decided|can't decide|not (?:yet )?(?:decided|agreed)|to decide|"
    r"decide (?:on|what|which|if|how|whether)|let's say|let us take|let's see|let's look|let's talk|"
    r"let's move(?! (?:it|that|the|our)\b)|let's go (?:on|back|ahead|through|to)|"
    r"let's start|let's begin|we(?:'ll| will) (?:start|begin)|take (?:it|that|this) away|let me be clear|let's hope|i (?:would )?agree|suppose|imagine|for example|"
    r"for instance|disagree|(?<!that's )(?:how|what|where|when|which|who|why) we|(?:you|they) (?:said|"
    r"say|told)|as i (?:said|say)|keep (?:working|doing|going|up)|the government|(?:which|"
    r"what) \w+ we'll|we(?:'ve| have)? (?:find|found) that|something like (?:this|that)|"
    r"(?:said|says) (?:that )?(?:no|well|okay|yes) we|(?:them|him|her|he|she|who|mail|email|letter) (?:that )?(?:said|says) (?:that )?we|been (?:very |quite |absolutely |perfectly )?clear|keep an eye|keep (?:it|things) (?:friendly|brief|short|quick|moving|civil)|keep (?:\w+ ){0,4}option|i don't think|if i'm|short break|like we're|simple case|"
    r"in the future|make sure (?:that )?we|we'll (?:see|have to)|but (?:that|it|this)(?:'s| is| was| has been) (?:now )?(?:off|over|cancell?ed|gone))\b",
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
    r"sorry|oh|now|hold on|we can|we should) )"
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
NOT_IT = re.compile(r"\b(?:cancel|undo|disregard|ignore|drop|scrap|reverse) (?:it|this)\b", _I)
"""What is often said of other things: of what was put down at once before alone."""
WAIT_NO = re.compile(r"\b(?:no,? wait|wait,? no|actually,? no)\b", _I)
ON_REFLECTION = re.compile(r"\bon (?:second thoughts?|reflection)\b|\bcome to think of it\b", _I)
CHANGED_MIND = re.compile(
    r"\bchang(?:ed|e|ing) (?:my|our|their|his|her) minds?\b|\bchange of (?:plans?|mind|heart)\b"
    rf"|{ON_REFLECTION.pattern}|{WAIT_NO.pattern}"
    r"|\b(?:reconsidered|rethought|backtracked|gone back on|went back on|go back on)\b"
    r"|\b(?:revers|revok|overturn|withdr[ae]w|rescind|undo|drop|cancel|scrap|overrul)\w* "
    rf"{_DECISION}\b",
    _I,
)
"""Likewise, of what may have been said long before."""
MIND_OF_OTHERS = re.compile(r"\bchang(?:ed|e|ing) (?:their|his|her) minds?\b", _I)
NO_LONGER = re.compile(r"\b(?:instead(?! of)|after all|no longer|any ?more)\b", _I)
GIVES_UP = re.compile(
    r"(?:^|[,;.:!?-] ?|\b(?:so|okay|ok|let's|now|then|well|just|please|we can|we should) )"
    r"(?:forget|scrap|ditch|scratch|cancel|drop)(?: about)? (?:the|our) (?!fact\b)",
    _I,
)
"""Who says so gives up the thing that is named next."""
BEYOND = re.compile(
    r"\b(?:another|additional|further|a (?:second|third|fourth|fifth)|more than)\b", _I
)
"""Not that, too: what was decided stands."""
NEGATED = re.compile(
    r"\b(?:decided|agreed|chose|voted) (?:against|not to)\b"
    r"|(?<!\bpeople )(?<!\bthey )(?<!\byou )(?<!\busers )\b(?:won['’]?t|will not|not going to|not gonna|(?:aren|isn)['’]?t going to|not (?=\w+ing\b))(?:\b|(?<= ))"
    rf"|\blet['’]?s not (?!{_NOT_MEANT})\w+",
    _I,
)
"""What will not be."""
CHANGED = re.compile(
    f"{CHANGED_MIND.pattern}|{NO_LONGER.pattern}|{GIVES_UP.pattern}|{NEGATED.pattern}", _I
)
"""Any of those, and weaker signs that an earlier decision does not hold."""
STATES = re.compile(
    r"^(?!.*\b(?:this|that)(?:'s| is) not\b).*\b(?:we|let's|let us|we're|we'll|i'll|will|won't|go with|is|are|agreed|decided|the|launch)\b",
    _I,
)
"""What holds in the place of what was taken back says something of it."""
SECOND_THOUGHT = re.compile(
    r"\b(?:(?:oh|no|wait|well|sorry|actually|but|okay|hmm),? )*(?:(?:scratch|strike) that|"
    r"(?:no,? )?wait,? no|actually,? no|on second thoughts?|"
    r"we(?:['’]?ve| have)? changed our minds?|i(?:['’]?ve| have)? changed my mind)\b",
    _I,
)
"""Where a sentence that lacks its stops begins anew, if something was put down before it."""

# --- action items

_VERBS = """
    send note write mail e-mail email check prepare ask call contact ring phone finish complete fix update
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
    r"take (?:it|that|on)\b|set (?:[\w'-]+ ){1,4}up|have (?:a (?:look|think|go)|(?:[\w'-]+ ){1,4}(?:ready|done|finished|written|prepared|fixed|out|with you|for you))|catch (?:him|her|them)\b|let (?:you|him|her|them|[\w'-]+|the [\w'-]+) know|"
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
COMMITMENT = re.compile(
    rf"\bi(?:'ll| will|'m {_GOING}| am {_GOING}|'ve got to| want to| promise to|'d better| need to|"
    rf" have to| should| can| could| promised to) {_ADVERBS}(?:{_DEED}|be {_DOING})\b"
    rf"|^(?:(?:yeah|yes|sure|okay|i'm|i am) )*(?:happy|glad) to (?!sign off){_DEED}\b|\bi'm on it\b"
    rf"|\blet me {_ADVERBS}{_DEED}\b|\bi'm {_DOING} (?:it|that|this|them|the)\b[^.?!]*\b(?:by|before|tomorrow|tonight|next|on \w+day)\b"
    r"|\byou'll (?:have|get) [^.?!]*\bfrom me\b|\byou'll (?:have|get) (?:an?|the|it|that|them|your)\b[^.?!]*\b(?:by|before|tomorrow|tonight|today|first thing)\b"
    r"|\bi'd rather (?:take|do|ask|handle) (?:it|that|them|this|him|her)\b"
    r"|\b(?:leave (?:it|that|this|the [\w-]+) (?:to|with) me|i(?:'ll| will) (?:get on|be on) (?:it|that))\b",
    _I,
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
    rf"\bi(?:'ll| will) {_ADVERBS}{_DEED} (?:(?:both|all) of )?(?:it|that|them|him|her|this|those){BEHIND_OBJECT}",
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
REQUEST = re.compile(
    r"(?<!\bhow )(?<!\bwhat )(?<!\bwhere )(?<!\bwhy )(?<!\bwho )(?<!\bwhen )"
    rf"\b(?:can|could|would|will) (?:you|somebody|someone|anybody|anyone)(?: guys| all| two| three| both)? {_ADVERBS}{_REQUESTED}\b"
    rf"|\b(?:would|do) you (?:\w+ )?mind {_DOING}\b|^(?:[\w'-]+ )?fancy {_DOING}\b|\b(?:can|could|may) i ask you to {_ADVERBS}{_DEED}\b"
    rf"|\b(?:would you be (?:able|okay|willing|happy)|are you (?:able|okay|alright|willing|happy|fine)) to {_ADVERBS}{_DEED}\b|\bover to you for\b"
    rf"|(?:^(?:(?:okay|right|well|hey|hi|yes|thanks) )*(?:[\w'-]+ )?|[.,] |\b(?:and|so|then) )please (?!note)(?!read){_DEED}\b"
    rf"|(?<!\bthat )(?<!\bthen )(?<!\bwhich )(?<!\bbecause )(?<!\bwhatever )(?<!\bthing )\byou(?: guys| two| three| all| both)?(?:'ll| will| need to| have to| should|'re {_GOING}|"
    rf" are {_GOING}| must|'ll have to|'ll need to) {_ADVERBS}(?:{_DEED}|be {_DOING})\b"
    r"|\b(?:i want|i'd like|i would like|we want|i need|we need) you (?:guys |all |both |two )?to (?!give)(?!think)\w+"
    rf"|\bif you (?:guys |two |all )?(?:could|can|would|want to)(?: (?:two|both|all))* {_ADVERBS}{_REQUESTED}\b"
    r"|\bmake sure (?:that )?you\b|"
    rf"\bhow about (?:if )?you (?:two |guys |both )?{_DEED}\b|\bit(?:'s| is) your (?:task|job) to\b|(?:^|[.,;] |"
    r"\b(?:so|and|but|then|well|now|just) )(?:find out|have a think|have a look|"
    r"take a look|send (?:me|us|him|her|it|them)|email (?:me|us|him|her|it|them)|"
    r"let (?:me|us) know|remember to|don't forget to)\b",
    _I,
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
MADE_HERE = re.compile(r"\btoday\b|\bmotion\b.*\b(?:carried|agreed|adopted|passed|defeated)\b", _I)
"""Said of a decision, it was made in this meeting."""
WE_ONCE = re.compile(
    r"\bwe (?!have )(?:\w+ ){0,2}(?:decided|concluded|agreed|chose|opted|settled)\b", _I
)
"""What may have been decided long ago."""
OF_TODAY = re.compile(
    r"\b(?:today|just now|(?:this|last|previous|today's) (?:meeting|session|call)|last (?:time|week)|so far|"
    r"this (?:morning|afternoon)|next steps?|action (?:items?|points?)|minutes of)\b",
    _I,
)
"""In a speech about this meeting, or the one before, it was decided there."""
THEN = re.compile(
    r"\b(?:then|(?:i|we|it|you|they|that|there|he|she)(?:'ll|'d|'re|'s|'ve| (?:can|could|would|will|is|are|"
    r"should|might|may|have|has|don't|just|don't|want|need|get))) ",
    _I,
)
"""What follows behind "if you can ..." where that is no request."""
SHARED_TASK = re.compile(
    r"\b(?:we|somebody|someone)(?:'ll| will| need to| needs to| have to| has to| should|"
    r"'re going to| are going to| must|'ve got to|'ll have to|'ll need to|"
    rf" still need to) {_ADVERBS}{_SHARED_DEED}\b"
    rf"|\b(?:what we (?:all )?(?:have|need) to do (?:now|next) is|thing we (?:all )?(?:have|need|want) to do is)\b|\banyone who (?:hasn't|has not)\b"
    r"|\b(?:someone|somebody) (?:really |just )?(?:needs? to|has to|must) (?:really |just )?(?!be\b|have\b|say\b|know\b)\w+"
    rf"|\b(?:let's|let us) {_ADVERBS}(?:come up with|check|ask|find out|"
    r"set up|put together|work on|contact|send|schedule|organi[sz]e)\b"
    r"|\baction (?:item|point)s?\b|\b(?:needs|need|has|have) to be (?:done|fixed|checked|"
    r"written|finished|sent|updated|prepared|investigated|looked (?:at|into)|decided)\b|"
    r"\bto-?do list\b",
    _I,
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
)
"""A task for somebody by name, as one has it done, or notes it: "Ben to send the invoice"."""
NAMED_TASK = re.compile(
    rf"(?<!\bwith )(?<!\bof )(?<!\bfor )(?<!\bto )(?<!\bin )(?<!\bby )(?<![\w-]){_WHO}(?: will|'ll| is {_GOING}|'s {_GOING}| are {_GOING}| needs to| has to|"
    rf" should| is supposed to| promised to| agreed to| offered to) {_ADVERBS}(?:{_DEED}|be {_DOING})\b"
)
"""Somebody by name or role; a name in lower case, too, which has to be a voice's."""
CONDITIONAL = re.compile(
    r"\b(?:if|unless|when|whenever|imagine|suppose|for example|for instance|until)(?: [\w'-]+){0,7} $"
    r"|\b(?:don't|do not|doesn't|didn't) (?:think|believe|expect|want|imagine|suppose)(?: (?!but\b)[\w'-]+){0,5} $"
    r"|\b(?:doubt|not (?:sure|certain)|unlikely)(?: (?!but\b)[\w'-]+){0,5} $"
    r"|\b(?:say|says|saying|said|like)(?: (?:ok|okay|well|oh|that|hey|yes|no))* $|\b(?:how|what|where|why|who|when|which)(?: [\w'-]+){0,2} $",
    _I,
)
"""In front of a task it makes none of it."""
NO_TASK = re.compile(
    r"\b(?:(?:i'll|i will|i have to|i must) (?:say|tell|admit|be\b(?! \w+ing))|"
    r"(?:would have|could have|should have)|"
    r"i'll (?:go first|start|begin|skip|explain|show)|talk about|i can (?:see|do that|"
    r"make the)|let me (?:see|just see|think|start|check if|ask|give|finish|try)|"
    r"i could (?:do|see)|the user (?:can|has|will|could|should|wants|needs|is)|users|people (?:can|could|will|would|want|need|have|do|are|like|don't)\b|"
    r"in theory|hypothetically|some ?day|so (?:that )?(?:you|they|people) can|(?<!if )you can|used to|make sense|"
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
EXPLAINED = re.compile(
    r"\bif (?:i|we|they|it|there) (?:had|were)\b.*\b(?:could|would)\b|\bmy role (?:is|here|as)\b|^should you\b"
    r"|\b(?:must|have to|need to|should)\b.* or (?:they|people|customers|users|nobody|it)(?:'ll| will| won't)\b"
    r"|\boccur(?:s|red)? to (?:me|us|him|her|them)\b"
    r"|\bin (?:our|my|this|that|the) (?:\w+ )?(?:scheme|approach|method|set-?up)s?,? (?:we|i|you|it|they)\b",
    _I,
)
"""In a sentence that tells how something works, or what came to mind, nothing is given out."""
AT_ONCE = re.compile(
    r"\b(?:(?:for|in) a (?:second|moment|minute|sec)|go back (?:a|one|two|to (?:the|that|this) (?:slide|page|picture|previous|last))|next slide|(?:this|the|that|your|one) (?:slide|page|screen|mic|microphone)\b|this (?:white)?board|i'm just (?:quickly )?going to (?:write|note|look|read|open|go)\b|"
    r"right now|write (?:[\w']+ ){0,5}down|rub|(?:un)?plug|press|click|scroll|zoom|switch (?:it )?(?:on|off)|turn (?:it |that )?(?:on|off|up|down|round)|"
    r"hear me|pass me|hand me|on the (?:white)?board|draw|speak up|repeat|say (?:that|it) again|wait|hold on|hang on)\b",
    _I,
)
"""What is asked for, or promised, and done within the meeting."""
NAMED_BEFORE = re.compile(r"(?-i:[A-Z])[\w'-]+,? (?:and|or) $")
"""Before the name of one who is to do it: others are, too."""
ASSIGNED = re.compile(
    rf"{NAMED_TASK.pattern.replace('?P<role>', '?:').replace('?P<name>', '?:').replace('?P<lower>', '?:')}"
    rf"|\byou(?:'ll| will|'re {_GOING}| are {_GOING}| should| need to) {_ADVERBS}(?:{_DEED}|be {_DOING})\b"
    rf"|{COMMITMENT.pattern}",
    _I,
)
PROMISES_TOO = re.compile(r"(?:, )?\band (?:then )?(?=(?:i'll|i will|i'm going to)\b)", _I)
"""Where a sentence that has a decision goes on with a task, that begins."""
ASSIGNS = re.compile(
    r"(?:, )?\b(?:and|then|while)(?:,? then)?,? (?=(?:(?:the (?:\w+ ){0,2}\w+|[A-Z][\w'-]+(?: [A-Z][\w'-]+){0,2})"
    r" (?:will|is going to|is gonna|are going to|are gonna|should|needs to)\b"
    r"|you(?:'re|'ll| are| will)\b|i(?:'ll| will)\b))"
)
"""Where one sentence gives out two tasks, the second begins."""
VERB = re.compile(
    r"\b(?:i|you|we|they|he|she|it|this|that|there|what|who|how|why|where|which|"
    r"is|are|was|were|be|been|am|has|have|had|do|does|did|will|would|can|could|should|may|might|must|"
    r"shall|let|let's|look|wait|think|thank|thanks|see|go|goes|come|send|give|put|take|make|get|"
    r"got|tell|ask|check|say|said|know|mean|want|need|like|use|try|keep|stop|move|call|works?|depends|"
    r"sorry|please|okay|ok|yes|yeah|yep|right|sure|exactly|hello|hi|bye|guys|cool|great|good|well|fine)\b|\w'(?:s|re|ve|ll|d|m|t)\b",
    _I,
)
"""Words that fragments do not have: verbs, who does something, and what one says to another."""
GOES_ON = re.compile(
    r"^(?:by|before|until|till|on|in|at|for|with|without|from|to|during|after|about|including|instead of|"
    r"because of|tomorrow|tonight|next|per)\b",
    _I,
)
"""How a fragment begins that goes on with the sentence before."""
DECIDES = re.compile(f"{DECIDED.pattern}|{CHOSEN.pattern}|{CHOSEN_AS_DONE.pattern}", _I)
PUT_DOWN = re.compile(f"{DECIDES.pattern}|{COMMITMENT.pattern}", _I)
"""A decision or a task."""
