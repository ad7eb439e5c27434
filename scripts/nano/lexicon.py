"""The words that wordloop-nano knows, by the part they play in a meeting.

Plain lists, separated by white space. The names of the lists are the slots of `templates`. In the long
ones the commonest words come first (in the order in which GPT-2's tokens were merged, which goes by
frequency): `grammar` draws them more often.
Words that sound alike in most English accents are kept out where the sense does not need them,
because no context would tell them apart in the scrambled sentences.
"""

from __future__ import annotations

from typing import Final

LEXICON: Final[dict[str, str]] = {
    "name": """
        David Jack Michael Ben William George Robert Frank Peter Thomas Martin Richard Andrew Joseph
        Charles Eric Daniel Kevin Stephen Howard Henry Tony Patrick Edward Simon Victor Jacob Arthur
        Maria Philip Alice Susan Lucas Oliver Oscar Douglas Walter Rachel Quinn Grace Jennifer
        Barbara Kate Laura Marcus Samuel Gabriel Carlos Angela Nathan Noah Vincent Karen Emma
        Margaret Leo Leonard Nicholas Linda Ivan Ruth Timothy Julia Helen Monica Rebecca Kenneth
        Melissa Raymond Diana Hugo Hannah Maya Sebastian Clara Rosa Wendy Chloe Felix Xavier Bruno
        Zoe Sandra Nora Katherine Pablo Olivia Nina Theodore Elena Tara Gloria Anita Dorothy Jonas
        Isabel Ada""",
    "surname": """
        Johnson Williams Jackson Taylor Wilson Anderson Kennedy Hamilton Gordon Thompson Robinson
        Nelson Campbell Fisher Mitchell Douglas Edwards Bennett Sullivan Garcia Peterson Richardson
        Henderson Simmons Zimmerman Morrison Patterson Davidson""",
    "place": """
        Europe America Japan Canada California London India Texas Germany England Australia Florida
        Chicago France Africa Mexico Boston Paris Toronto Asia Seattle Ireland Brazil Italy Dallas
        Spain Scotland Atlanta Austin Rome Denver Sweden Portland Vancouver Berlin Tokyo Sydney
        Singapore Montreal Poland Madrid Melbourne Barcelona Norway Brussels Denmark Finland Dublin
        Portugal Geneva Kenya Milan Athens Munich Mumbai Cairo Vienna Amsterdam Stockholm Auckland""",
    "day": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "month": """
        January February March April May June July August September October November December""",
    "ordinal": """
        first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth
        fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth thirtieth""",
    "small": "two three four five six seven eight nine ten eleven twelve",
    "teen": "thirteen fourteen fifteen sixteen seventeen eighteen nineteen",
    "tens": "twenty thirty forty fifty sixty seventy eighty ninety",
    "digit": "one two three four five six seven eight nine",
    "scale": "hundred thousand million billion",
    "hour": "one two three four five six seven eight nine ten eleven twelve",
    "project": """
        Dragon Galaxy Phoenix Thunder Titan Crystal Tiger Apollo Falcon Eagle Summit Harbor Maple
        Mercury Aurora Atlas Horizon Saturn Orion Neptune Copper Emerald Beacon Pioneer Willow
        Voyager Sapphire Velvet Panda Meadow""",
    "team": """
        support data design product research security legal training quality growth platform sales
        operations mobile infrastructure marketing payments engineering finance compliance hiring
        recruiting""",
    "role": """
        intern president user director student officer chief candidate teacher manager neighbor
        owner partner client editor committee expert writer customer employee lawyer architect guest
        developer assistant chairman founder operator scientist designer engineer analyst researcher
        volunteer specialist investor colleague coordinator applicant consultant contractor sponsor""",
    "thing": """
        app part people call game report person system lead power level effect result number post
        form information bus import test list build plan process program return group book country
        order school health friend view business story season line project family company example
        tax job record hour deal reason course event question account market problem campaign
        success value experience future video community media issue type history room idea sound
        object service house function series version address field lab space position evidence item
        file review subject code page method policy total rate target site risk decision energy
        request material moment office building share release card section article interview install
        source model price contract link industry range performance bill environment speed response
        member tool offer comment impact image search cover technology option website email goal
        phone situation table staff box board path engine network command screen approach visit
        document standard town meeting message answer language device paper practice display door
        note treatment leader choice application effort computer store opportunity title concept
        status income counter economy analysis figure software stage movie voice region pressure
        letter quarter credit feature rule pattern style park measure culture notice condition
        purpose organization vehicle speech error location memory limit tour launch script mode
        stream default stock picture update floor window transfer mission progress agreement server
        debate surface station hospital opinion budget trial conference brand train incident draft
        machine theory photo solution plant setting connection driver structure street camera thread
        score strategy graph copy task button reference traffic purchase element department skill
        weekend output switch insurance equipment discussion chair input exchange trend corner
        balance radio distance conversation failure trip package bug flight shape survey motor rent
        minute monitor guide delay column entry edge vision factor lock format commission percentage
        trouble library license surprise flag payment panel volume shop storage label evening symbol
        session cloud sample experiment reaction index revenue browser wire warning zone category
        battery sector plane exception reward signal definition cycle database menu hardware desk
        remark proposal promise journey crash island profile interface restaurant magazine phase
        permission icon bonus comparison topic schedule winter domain village mistake theme
        component feedback hotel extension delivery recovery profit territory layer truck wheel
        ticket river cable register variable alert pilot routine outcome loan ratio filter complaint
        chart module resource edition scope recipe frequency sequence protocol priority branch
        upgrade patch chat transaction directory estimate agenda procedure factory stack replacement
        mechanism setup requirement repair password framework""",
    "plural": """
        years members months points hours issues minutes students words changes friends results
        services questions weeks problems users events features reports numbers rules products
        workers details systems plans teams costs comments options files items values reasons
        stories jobs actions benefits resources sales seconds ideas sources images customers offers
        records devices projects prices goals notes partners tools documents models dollars tests
        requirements decisions pages accounts figures videos candidates updates thoughts examples
        links messages orders versions findings facts settings developers targets apps components
        requests emails shares answers letters risks payments estimates reviews meetings samples
        errors tickets contracts tasks tables screens sections roles interviews expenses opinions
        servers dates complaints visitors designs releases mistakes profits incidents topics""",
    "adjective": """
        new long good high great public different big direct open little hard full better small
        current old free large important clear kind mean past sure light major human available
        certain official possible proper short complete young low likely early strong social local
        special black single quick bad similar entire specific previous common recent general white
        difficult final pretty easy personal wrong original online soft serious late legal exact
        deep average perfect simple round private worth popular various hot fast wide slow extra
        fair broad secret standard foreign regular dark additional huge natural global necessary
        safe correct clean normal obvious ready poor cool limited nice modern powerful complex fine
        unique happy gold positive actual effective rare active green firm basic minor primary blue
        double wild central heavy successful smart useful grand responsible brief separate negative
        senior critical cold fresh solid random worse sudden missing massive digital dangerous valid
        weak beautiful equal amazing annual mental rough minimum impossible tight familiar internal
        maximum broken healthy honest rich alternative odd secure expensive rapid tough warm patient
        famous quiet vast relevant bright sweet severe giant flat excellent strange essential
        reasonable consistent unknown surprising sad thick confident empty remote proud sick upper
        comfortable constant efficient tiny cheap medium external hidden narrow precise crazy
        virtual smooth typical ideal creative tall visible brown helpful strict permanent blind
        sharp afraid loud terrible yellow thin exciting regional wonderful angry worried friendly
        impressive valuable careful busy stable funny inner silver unusual practical neutral stupid
        sensitive temporary premium formal genuine ordinary instant loose vital secondary upset
        reliable calm wet monthly lucky enormous""",
    "verb": """
        get work add want use own set show start report take help sign run follow find support
        develop turn ask open invest import test build keep plan process move design change book
        order tell give win expect perform control grow record hold protect question understand
        complete present try suggest close believe cut connect study consider discuss provide learn
        check begin bring stop create research include pick watch pack require review accept block
        continue request track increase share release leave install speak contact buy collect pull
        enjoy offer select prevent focus improve cover mention reach visit document draw carry sort
        receive avoid clean load implement remember print save store sell throw send trust choose
        measure map wait ship apply inform limit launch fix drop expand update recommend download
        spend transfer edit produce train adjust teach separate push achieve reduce join serve
        prefer explain remove copy detect reject switch deliver raise decide handle announce finish
        worry maintain monitor delay prove listen forget deploy fill confirm replace gather split
        manage describe renew remind enable highlight schedule explore publish generate promote
        decline encourage capture define assign prepare solve upgrade recover estimate ignore
        compare extend investigate repair submit repeat finance warn inspect demonstrate attach
        convert introduce resolve celebrate examine export""",
    "past": """
        said told left called thought sent asked started added reported wanted needed lost wrote
        released received created gave expected happened decided tried worked looked brought
        published increased announced described changed designed showed moved followed failed helped
        reached raised offered signed learned removed opened closed shared explained agreed
        confirmed stopped discovered finished suggested arrived joined introduced presented prepared
        launched completed dropped bought fixed planned ordered updated broke accepted approved grew
        installed improved discussed tested delivered noticed missed replaced pushed saved scheduled
        chose collected promised liked rejected visited assigned submitted requested invited hired
        blocked""",
    "gerund": """
        going using making working getting looking trying coming running building meeting talking
        reading writing starting thinking moving growing leaving adding showing spending calling
        learning asking opening missing testing waiting watching planning winning changing helping
        paying losing selling reporting buying sending sharing pushing drawing recording signing
        shipping reducing saving closing tracking joining improving checking preparing removing
        discussing managing blocking dropping stopping publishing cleaning editing hiring releasing
        replacing delivering launching""",
    "adverb": """
        just again still really never always already actually often together probably simply soon
        especially recently quickly nearly currently completely usually directly sometimes
        immediately finally exactly easily certainly fully clearly generally eventually slightly
        mostly definitely truly entirely possibly absolutely largely apparently specifically
        typically properly obviously originally basically automatically slowly seriously suddenly
        totally frequently perfectly closely initially roughly literally constantly personally
        strongly normally carefully regularly rarely mainly hardly""",
    "when": "today tomorrow yesterday tonight",
    "part_of_day": "morning afternoon evening",
    "weather": "sunny rainy cloudy windy cold warm freezing snowing",
    "food": """
        water coffee sugar milk dinner bread tea chicken cheese orange chocolate cake breakfast
        juice pizza cookies soup apple lemon sandwich""",
    "hobby": """
        running music reading football guitar cooking painting swimming dancing photography cycling
        piano chess yoga tennis hiking""",
    "animal": "dog cat horse rabbit parrot turtle elephant monkey",
    "relative": "wife husband daughter brother sister mother father cousin uncle aunt baby",
}

# Words that the templates use beside their slots, and a few more that talk needs.
TALK: Final[str] = """
    about above across after against ago all almost alone along also although among an and another
    any anybody anyone anything anyway anywhere around as at away back be became because become
    been before behind being below beside between beyond both but by came can cannot could did do
    does done down during each either else enough even ever every everybody everyone everything
    everywhere except far few for forward from further get go gone got had half has have he hello
    help her here herself him himself his how however if in inside instead into is it its itself
    know last later least less let like look lot made make many maybe me might mine more most much
    must my myself near need neither next nobody none nor not nothing now of off okay on once only
    or other our ourselves out outside over own pay per please put quite rather read right same say
    see seem several she should since so some somebody someone something somewhere such than
    thank thanks that the their them themselves then there these they think this those
    though through time to too toward under unless until up upon us very was way we well went were
    what whatever when where whether which while who whole whose why will with within
    without would yes yet you your yourself"""

# Soundalikes of other words: context tells them apart, so they stand in no scrambled text.
SOUNDALIKES: Final[str] = """
    I a accept ad add affect allowed aloud an aunt been blew blue board bought buy by bye cache
    cash cent cite cue draft effect eight except eye for four hear here hole hour i it's its
    knot know lead led mail main male meat meet mine new no none not nun one our passed past
    patience patients peace piece plain plane principal principle queue read red right road rode
    role roll root route sail sale scent sea see sent sight site some son stationary stationery
    steal steel sum sun tail tale than their then there they're threw through to too two wait
    want war way weak wear weather week weigh weight where whether which who's whole whose witch
    won won't wood wore would write you're your"""
