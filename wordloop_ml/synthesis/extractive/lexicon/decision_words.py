"""What people say who decide, propose, and sum up; pure."""

import re

from wordloop_ml.synthesis.extractive.dues import TIME
from wordloop_ml.synthesis.extractive.lexicon.alternatives import any_of

_I = re.IGNORECASE

_MARKER = (
    r"(?:okay|ok|right|good|great|fine|fair|alright|all right|yeah|yes|yep|sure|well|so|perfect|lovely|excellent|cool|"
    r"sorted|sold|true|agreed|hm|hmm|um|marvellous|brilliant)"
)
MARKERS = re.compile(rf"(?:{_MARKER}\b[,.! ]*)+", _I)
"""Discourse markers: with such words alone one closes what was talked of."""
_WE = r"(?:we|we've|we have|we had|(?:the )?(?:group|team|committee|board|council|government))"
DECIDED = any_of(
    rf"\b{_WE}\b(?: (?!(?:never|almost|nearly|hardly|not|you|they|he|she|who|i)\b)\w+){{0,3}} (?:decided|agreed|settled|chose|chosen|concluded|opted|resolved|selected|approved)\b(?! (?:with|whether))(?! in (?:january|february|march|april|may|june|july|august|september|october|november|december)(?: to\b|\W*$))",
    r"\b(?:we're|we are) (?:(?:all|both|now|still|basically|pretty much|finally) )*(?:decided|agreed|settled|resolved)\b(?! (?:with|whether))",
    r"\b(?:(?:it|that|this)(?:'s| is| was| has been)|has been|have been|are|were) (?:now )?(?:decided|agreed|settled|approved|resolved)\b(?! (?:by the|over|above|without|before|(?:in|at) the \w+ (?:review|meeting|call))\b)",
    r"\b(?:the|our|my|final|one|a) (?:\w+ )?(?:decision|conclusion) (?:is|was|has been|that)\b",
    r"\bour advice is (?:that|to)\b",
    r"\bthat's our (?:offer|plan|answer|price|limit|cap|date|name|choice|pick|winner)\b",
    r"\bthat's what we(?:'re| are|'ll| will) (?:doing|going with|do|go with)\b(?! (?:already|now|at)\b)",
    r"\bmotion (?:is |was )?(?:carried|agreed|adopted|passed|defeated)\b",
    r"^(?:agreed|carried|approved|adopted)\b",
)
_CHOICE = (
    r"(?:go (?:with|for|ahead with)|stick (?:with|to)|use|take (?:that|the|it|this)|keep|"
    r"drop|make it|make the|leave (?:it|that|out)|"
    r"target|aim|focus|skip|choose|pick|adopt|add|remove|put|switch|move to|launch|"
    r"settle (?:on|for)|make do with|postpone|cancel|delay|hire|buy|include|exclude|"
    r"start with|ship|sell(?! more)|push (?:it|that|the|back)|move (?:it|that|the|our)|shift|bring (?:it|that|the [\w-]+) forward|"
    r"lock (?:in|it|that)|cut (?:it|the)|raise the|reduce|increase|scrap|split|rename|replace|bin|ditch|axe)"
)
_STEERS = (
    r"(?:see|find|know|need|be|have|talk|discuss|get|come|move on|wait|look|start|begin|give|hear|work|meet|try|continue|present|"
    r"go|say|take it|think|ask|check|come back|turn|assume|imagine|hope|call|make sure|show|watch|read|let|leave you|stop|finish|listen|quickly|first|remember|do this|lose|miss|struggle|fail|run out|complain|understand|drown|dive|cover|break|reach|freeze)\b"
)
"""Behind "let's" and "we'll" they steer the meeting itself, or foretell."""
CHOSEN = any_of(
    rf"\b(?:let's|let us|we'll|we will|we are going to|we're going to|we go|we won't|we're not going to|we'd better) (?:(?:just|then|also|definitely|not) )*{_CHOICE}\b",
    r"\b(?:we're|we are|let's) (?:\w+ )?going (?:in )?(?:with|for)\b",
    r"\bwe go (?:with|for)\b",
    r"\bwe've (?:basically |now |pretty much |more or less )?(?:worked out|established|settled|fixed) (?:that|on)\b",
    r"\b(?:is|are|goes|stays?) (?:in|out) (?:as well )?then\b",
    r"\b(?:so|then) (?:we'll|let's) (?:go (?:for|with)|use|take|make|keep|put)\b",
    r"\bno (?!but|i|we|it|that|one|not|then|problem|need)\w+(?: (?!but|we|i)\w+)? then\b",
    r"\bi think we'll (?:go|use|take|keep|stick)\b",
    r"\b(?:kick|leave|throw|drop|cut) (?:it|that|this|them) out\b",
    r"\b(?:is|are|'s|'re) (?:\w+ )?(?:the way to go|definitely (?:in|out|going in))\b",
    r"^(?:(?:okay|right|so|then|well|alright|yeah|yes|no|fine|the) )*+(?!(?:what|how|who|where|which|that|than|as|whatever|like|i|and|but|because|here|there|now|of)\b)[\w'-]+(?: (?!(?:because|as|like|how|what|where|that)\b)[\w'-]+)? it is(?: then\b| for\b| no [\w-]+|[.!]?$)",
    r"^(?:(?:okay|right|so|then) )*(?:it's (?:a )?)?no to (?:the|an?)\b",
    r"(?:^|\b(?:by|with) me )go ahead with (?:the|that|it|this|both)\b",
    r"\b(?:happy to|i'll|i will|we) sign off\b",
    r"\b(?:moves|is moved|shifts|is postponed|is pushed)(?: back| forward)? to [\w ]+ then\b",
    r"\bi take (?:that|those|it|them) as (?:read|approved|agreed)\b",
    r"(?<!were )(?<!was )(?<!be )(?<!got )\bcarried[.!]?$",
    r"\bunanimous[.!]?$",
    r"\b(?:we'll|let's) (?:park|hold over) (?:that|this|it|the)\b",
    r"^(?:right |okay |so |good )*then [\w' ]{2,30} is our\b",
    r"\bthat's [\w' ]{2,30} (?:sorted|settled|agreed|decided)\b",
    r"^(?:(?:okay|right) )?(?:so|then) no (?!but|i|we|it|that|one|not|then|problem|need|worries|idea|way)\w+[.!]?$",
    r"^(?:(?:okay|right|fine|yeah) )*(?:go|stick|run) with (?:the|that|it)\b",
    rf"^(?:(?:fine|okay|right|well|alright|so|yeah|good|great|yes) )*+(?:the )?{TIME}(?: at {TIME})? then(?=\W*$| (?:with|at|for|same|i suppose|i guess)\b)",
    rf"\blet's say {TIME}(?=\W*$| (?:then|fortnight|for|at|with)\b)",
    r"^(?:[\w'-]+ ){1,6}it is then\b",
    r"^(?:out|in|off) it goes\b",
    rf"^(?:{_MARKER} )+(?:so |then )?(?:we'll|let's) (?:just |only )?(?!{_STEERS}|\w+ly\b)[a-z]+ (?:it|that|this|the|a|an|one|two|all|both|only|\d+|[a-z]+ed?)\b",
    rf"^(?:{_MARKER} )*+then we(?:'ll| will) (?!(?:all |just |also )?{_STEERS}|\w+ly\b)\w+",
    r"\bfrom now on\b",
    r"\beffective immediately\b",
    r"\b(?:so|okay|then|yeah) we (?:lose|drop) (?:the|that|it|those)\b",
)
CHOSEN_AS_DONE = any_of(
    r"^(?:(?:so|then|right|okay) )+(?:all )?(?:the|our) [\w' ]{2,30} (?:go(?:es)?|stays?|moves?) (?:to|on|at|with|in|off)\b",
    r"\b(?:it|that|this) stays [\w' ]{2,20} (?:till|until|for now)\b",
    r"\b(?:nobody|no one) (?:says|touches|signs|sends|spends|deploys|goes|contacts|talks|tells|buys|ships|enters|moves|publishes|posts|starts)\b.{0,80} (?:until|till|unless)\b",
    rf"(?:\bstops|(?:'s| is| are) (?:stopped|closed|banned|out)) (?:as of|from) (?:now|{TIME})\b",
    rf"^(?:{_MARKER} )+then (?:it|that|this|we) (?!\w+ed\b|(?:can|could|should|would|might|need|have|had|don't|can't|are|is|was|were|do|did|get|got|gets|see|know|talk|think|want|also|just|start|says?|all|look|looks|move on|come|comes|went|said|will|depends|seems|means|works?|makes|turns|becomes|takes|meet|try|discuss|continue|present|go (?:on|to|back|over|through))\b)[a-z]+\b",
    rf"^(?:{_MARKER} )+so we (?:pass on|reject|approve|accept|decline|hire)\b",
    rf"^(?:{_MARKER} )+from {TIME}\b",
    r"\bthen (?:[\w' ]{2,40} )?we (?:run|hold|keep|use|take|stop)\b",
    r"^so we (?:launch|ship|go live|postpone|cancel)\b",
    r"^(?:(?:okay|right|good|great|fine|so|then|alright|yeah|yes) )+we're (?:all )?(?:tabling|postponing|dropping|parking|skipping|cancelling|pushing|moving|keeping|sticking (?:to|with)|going ahead with|leaving (?:it|that|out))\b",
    r"^(?:okay|alright|right|fine|sorted|good) (?:(?:so|yeah|well|yes|then) )*we (?:just )?(?:hold|keep|cut|use|take|drop|move|run (?!into|out)|launch|ship|open|close|pay|buy|hire|wait|skip|leave (?:it|out)|stay|stick|push|bring|go live|go (?:ahead|with|for)|postpone|cancel)\b",
)
"""What a meeting will do from now on, said in the present tense."""
CHOSEN_BRIEFLY = any_of(
    r"\b(?<!course )it is(?: then)?[.!]?$",
    r"^(?:out|in|off) it goes\b",
    rf"^(?:{_MARKER} )*+(?:the )?{TIME} then\b",
    rf"^(?:{_MARKER} )*+then we(?:'ll| will)\b",
    r"\b(?:let's|we'll) go with (?:that|it|this)\b",
    r"\bthat's what we(?:'ll| will)\b",
    rf"^(?:{_MARKER} )*+so we pass on\b",
)
"""Of a choice, it may have little more in it than what was named just before."""
HABITUAL = re.compile(
    r"\b(?:every|each|always|usually|often|sometimes|normally|mostly|already|currently|a (?:day|week|month|year|person)|per \w+|on \w+days|lately|these days|at the moment|"
    r"as (?:usual|you know|always)|wait)\b|^(?:\w+ )?(?:if|when|whenever)\b",
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
UNREAL = re.compile(
    r"\b(?:last (?:year|month|week|spring|summer|autumn|fall|winter|quarter)|(?:years?|months?|ages) ago|back (?:then|in)|at the time|originally)\b|"
    r"\b(?:i wish|wished|before|unless|once|in case|until|if only|as soon as|as if|had) (?:that )?"
    r"(?:we|they|the (?:group|team|committee|board|council))\b",
    _I,
)
"""Before "we decided" it says that nobody did, or not yet."""
NOT_MEANT = (
    r"forget|worry|get|talk|discuss|go (?:there|into)|waste|rush|start|pretend|assume|say|kid|be\b"
)
"""Behind "let's not" it proposes nothing."""
PROPOSED = any_of(
    rf"(?:^|\b(?:so|and|but|or|then|well|okay) )(?:shall we|why don't we|how about we|do we|are we going to) (?:just |then |also )*{_CHOICE}\b",
    r"\blet's (?:just )?(?:run with|leave (?:the |our )?[\w ]+ out|hold off|watch|split|offer|charge|cap|book|order|invite|pay (?!attention)\w)",
    r"\b(?:all|those|everybody|everyone|anyone) in favou?r of\b",
    r"\bthe plan is\b",
    rf"\blet's not (?!{NOT_MEANT}|hold (?:our|your))\w+",
    r"\bi (?:(?:would |'d )?(?:suggest|propose|recommend)|vote) (?:that |for |we )",
    rf"\bwe (?:should|want to) (?:just |probably |definitely |only )*{_CHOICE}\b",
    rf"^(?:{_MARKER} )*+we (?:just )?(?:make \w+ an offer|hire|drop|skip|cancel|postpone|leave (?:it|that|the [\w ]+ out)|go with|stick (?:to|with))\b",
    r"\bwe (?:definitely )?want (?:an?|the|both|only|just)\b",
    r"\b(?:i would|i'd) (?:go for|go with|keep|take|use|put)\b",
    r"\b(?:that|it|this|they)(?:'s| is|'re| are) (?:out|in)(?: then| right)?[,.!?]*$",
)
"""What one proposes; decided when another agrees at once."""
ASKS_ASSENT = any_of(
    r"(?:^|\b)(?:is |are )?(?:every(?:one|body)|you all|you guys|we all|all of you|any(?:one|body)) (?:(?:okay|ok|good|happy|all right|alright|fine) (?:with|by|on) (?:that|this|it)|agreed|against|objects?)\W*$",
    r"\bis that (?:acceptable|agreed)\W*$",
    r"\bare we (?:all )?(?:agreed|decided)(?=\W*$|,? then\b| on (?:that|this|it)\b)",
    r"\b(?:are you|you're) (?:okay|good|happy|fine|all right) with (?:that|it)\W*$",
    r"(?<!raise )(?<!have )(?<!had )\bany objections?\W*$",
    r"\b(?:all|those) in favou?r\W*$",
)
"""Who says so puts what they said before to all."""
OF_ONESELF = re.compile(
    r"^(?:\w+ )?(?:i'm|i've|i'll|you|you're|i (?!think|suggest|propose|would|make|guess))\b|\b(?:record\w*|hear|see|break|start\w*|begin)\b",
    _I,
)
"""What is told, or concerns the meeting itself: nothing to agree to."""
PAST = re.compile(
    r"\b(?:was|were|had|did|didn't|told|said|went|came|got|(?!agreed|decided|need|proceed|speed)\w{3,}ed)\b",
    _I,
)
"""It tells what happened."""
PUT_TO_VOTE = re.compile(r"\bin favou?r\b|\b(?:motion|vote)\b", _I)
VOTED = re.compile(
    r"^(?:(?:so|and|that's|it's|motion) )*(?:unanimous|carried)\b|^(?:so |and )?that's (?:everybody|everyone|all of us|all of them)\b",
    _I,
)
CLOSES = re.compile(
    r"^(?:okay|right|good|great|alright|fine|perfect|lovely|excellent|sold)(?: (?:good|great|fine|yeah|yes|okay))? (?:so|then) (?!(?:and|but|or|if|when|because|next|first|last|what|how|who|where|why|yeah|yes|no\b(?! \w))\b)|^then (?=[\w ]+ and \w)",
    _I,
)
"""Behind these words a few that were just said tell what it comes to: "good, so the brewery"."""
CLOSES_THEN = re.compile(
    rf"^(?:{_MARKER} )*+(?!(?:any|questions?|see|talk|bye|thanks|next|go|start|move|back|let|let's|i|you|what|how|who|where|why|when|if|maybe)\b)(?=[\w' ]+(?<!but)(?<!and)(?<!it)(?<!that)(?<!back) then[.!]?$)",
    _I,
)
"""Likewise, with a verb: "okay, Pellman is Mo's account then"."""
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
    rf"decide (?:on|what|which|if|how|whether)|let's say(?! {TIME}(?=\W*$| (?:then|fortnight|for|at|with)\b))|let us take|let's see|let's look|let's talk|"
    r"let's move(?! (?:it|that|the|our)\b)|let's go (?:on|back|ahead|through|to)|"
    r"let's start|let's begin|we(?:'ll| will) (?:start|begin)|take (?:it|that|this) away|let me be clear|let's hope|i (?:would )?agree|suppose|imagine|for example|"
    r"for instance|disagree|(?<!that's )(?:how|what|where|when|which|who|why) we|(?:you|they) (?:said|"
    r"say|told)|as i (?:said|say)|keep (?:working|doing|going|up)|the government|(?:which|"
    r"what) \w+ we'll|we(?:'ve| have)? (?:find|found) that|something like (?:this|that)|"
    r"(?:said|says) (?:that )?(?:no|well|okay|yes) we|(?:them|him|her|he|she|who|mail|email|letter) (?:that )?(?:said|says) (?:that )?we|been (?:very |quite |absolutely |perfectly )?clear|keep an eye|keep (?:it|things) (?:friendly|brief|short|quick|moving|civil)|keep (?:\w+ ){0,4}option|i don't think|if i'm|short break|like we're|simple case|"
    r"in the future|make sure (?:that )?we|we'll (?:see|have to)|but (?:that|it|this)(?:'s| is| was| has been) (?:now )?(?:off|over|cancell?ed|gone))\b",
    _I,
)
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
DECIDES = any_of(
    rf"{DECIDED.pattern}",
    rf"{CHOSEN.pattern}",
    rf"{CHOSEN_AS_DONE.pattern}",
)
