"""The words that wordloop-nano knows, by the part they play in a meeting.

Plain lists, separated by white space. The names of the lists are the slots of `templates`.
Words that sound alike in most English accents are kept out where the sense does not need them,
because no context would tell them apart in the scrambled sentences.
"""

from __future__ import annotations

from typing import Final

LEXICON: Final[dict[str, str]] = {
    "name": """
        Ada Ben Clara Daniel Emma Felix Grace Henry Isabel Jack Kate Leo Maria Nathan Olivia Peter
        Quinn Rosa Samuel Tara Victor Wendy Xavier Yasmin Zoe Alice Arthur Amir Anita Bruno
        Carlos Carmen Chloe David Diana Edward Elena Eric Fatima Fiona Frank George Gloria Hannah
        Hugo Ingrid Ivan Jacob Jasmine Joseph Julia Karen Kevin Laura Linda Lucas Marcus Martin
        Maya Michael Miriam Monica Nina Noah Nora Oliver Oscar Pamela Patrick Priya Rachel Rebecca
        Richard Robert Sandra Simon Sofia Stella Thomas Tony Ursula Vera Vincent Walter William
        Andrew Angela Barbara Charles Claudia Dorothy Douglas Gabriel Helen Howard Jennifer Jonas
        Katherine Kenneth Leonard Margaret Melissa Nicholas Pablo Philip Raymond Ruth Sebastian
        Stephen Susan Theodore Timothy Valerie Veronica Yusuf""",
    "surname": """
        Anderson Baxter Campbell Davidson Edwards Fernandez Garcia Hamilton Jackson Kowalski
        Lambert Morrison Nakamura Patterson Robinson Sullivan Thompson Underwood Williams Zimmerman
        Bennett Carpenter Douglas Fisher Gordon Henderson Johnson Kennedy Livingston Mitchell
        Nelson Peterson Richardson Simmons Taylor Wilson""",
    "place": """
        London Paris Berlin Madrid Rome Vienna Dublin Oslo Stockholm Helsinki Amsterdam Brussels
        Lisbon Athens Warsaw Prague Budapest Zurich Geneva Munich Hamburg Milan Barcelona Toronto
        Montreal Vancouver Chicago Boston Seattle Denver Austin Dallas Atlanta Portland
        Sydney Melbourne Auckland Tokyo Singapore Bangkok Jakarta Mumbai Nairobi Cairo Lagos
        Mexico Canada Germany France Spain Italy Portugal Poland Sweden Norway Finland
        Denmark Ireland Scotland England Brazil Japan India Australia Kenya Europe Asia Africa
        America California Texas Florida""",
    "day": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "month": """January February March April May June July August September October November
        December""",
    "ordinal": """
        first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth
        thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth
        thirtieth""",
    "small": "two three four five six seven eight nine ten eleven twelve",
    "teen": """thirteen fourteen fifteen sixteen seventeen eighteen nineteen""",
    "tens": "twenty thirty forty fifty sixty seventy eighty ninety",
    "digit": "one two three four five six seven eight nine",
    "scale": "hundred thousand million billion",
    "hour": "one two three four five six seven eight nine ten eleven twelve",
    "project": """
        Falcon Phoenix Aurora Apollo Mercury Atlas Neptune Orion Titan Saturn Horizon Compass
        Lighthouse Granite Emerald Sapphire Crystal Thunder Voyager Pioneer Galaxy Harbor Beacon
        Cascade Summit Meadow Willow Dragon Tiger Panda Eagle Dolphin Maple Velvet Copper Cobalt""",
    "team": """
        engineering sales marketing finance support design product research security legal
        operations hiring data platform mobile payments growth logistics procurement quality
        infrastructure compliance analytics recruiting training""",
    "role": """
        engineer designer manager director analyst developer architect recruiter accountant
        consultant lawyer editor writer researcher administrator coordinator assistant intern
        candidate contractor supplier vendor customer client partner investor auditor tester
        colleague employee chairman president founder chief officer specialist scientist student
        teacher operator technician neighbor user visitor guest reviewer sponsor applicant owner
        volunteer expert committee""",
    "thing": """
        account address agenda agreement alert analysis answer app application approach archive
        article backlog backup badge balance banner baseline battery benchmark bill blocker
        board bonus book booking bottleneck box branch brand briefing browser bucket budget bug
        build building bundle bus business button cable cache calendar call camera campaign
        card catalog category certificate chair chart chat checklist choice circuit
        cloud cluster code column command comment commission community company comparison
        complaint component computer concept condition conference connection contract
        conversation copy corner counter country course cover crash credit culture curve cycle
        dashboard database deadline deal debate decision default definition delay
        delivery demo department deployment deposit desk device diagram directory
        discount discussion disk display distance document domain door draft driver economy edge
        edition effect effort element email endpoint energy engine entry environment
        equipment error estimate evening event evidence example exception exchange expense
        experience experiment export extension factor factory failure family feature feedback
        field figure file filter firewall flag flight floor folder font forecast form format
        framework frequency friend function funnel future game garage gateway goal graph
        group guide handbook hardware header headline health hiring history holiday
        hospital hotel hour house icon idea image impact import incident income index industry
        information input insight install insurance interface interview inventory
        invitation invoice island issue item job journey keyboard kitchen label lab language
        laptop launch layer layout lead leader lesson letter level library license limit
        line link list loan location lock logo lunch machine magazine mailbox margin market
        material matrix measure mechanism media meeting member memory menu message method
        metric microphone migration milestone minute mission mistake mode model module moment
        monitor motor movie museum network newsletter note notebook notice number object
        objective offer office onboarding opinion opportunity option order organization outage outcome
        outline output overview package page panel paper parameter park parser part
        password patch path pattern payment payroll pension people percentage performance
        permission person phase phone photo picture pilot pipeline plan plane plant
        plugin policy position post poster power practice presentation pressure price priority
        printer problem procedure process processor profile profit program progress project
        promise promotion proposal protocol prototype purchase purpose quarter query question
        queue quota quote radio railway range rate ratio reaction reason receipt recipe
        recommendation record recovery reference refund region register regression release
        remark reminder rent repair replacement reply report repository request
        requirement reservation resource response restaurant result retention return revenue
        review reward risk river roadmap rollout roof room router routine rule salary sample
        schedule schema school scope score screen script search season section sector
        segment sensor sequence series server service session setting setup
        shape share shipment shop signal signature site situation sketch
        skill slide snapshot software solution sound source space speaker specification speech
        speed spreadsheet sprint stack staff stage standard station status stock
        storage store story strategy stream street structure style subject
        subscription success suggestion summary surface surprise survey switch symbol symptom
        system table tablet target task tax taxi technology telephone template terminal
        territory test theater theme theory thread threshold ticket timeline timer title
        token tool topic total tour tower town traffic train transaction transcript
        transfer translation treatment trend trial trip trouble truck tutorial type update
        upgrade upload valley value variable variant vehicle version video view village
        vision visit voice volume wallet warehouse warning warranty webinar website weekend
        wheel widget window winter wire wireless workflow workload workshop yard zone""",
    "plural": """
        accounts actions alerts answers apps assumptions benefits blockers budgets bugs candidates
        changes charts comments complaints components contracts costs customers dates deadlines
        decisions delays designs details developers devices documents dollars drafts emails
        engineers errors estimates events examples expenses experiments facts features figures
        files findings friends goals guests holidays hours ideas images incidents
        interviews invoices issues items jobs lessons letters licenses links logs managers
        meetings members messages metrics milestones minutes mistakes models months notes
        numbers offers opinions options orders packages pages partners payments plans
        points prices priorities problems products profits projects proposals questions reasons
        records releases reports requests requirements resources results reviews risks roles rules
        sales samples screens sections seconds servers services sessions settings shares signals
        slides sources stories students suggestions suppliers systems tables targets tasks teams
        tests thoughts tickets tools topics trends updates users values vendors versions
        videos visitors voices warnings weeks words workers years""",
    "adjective": """
        active actual additional afraid alternative amazing ambitious angry annual available
        average awful bad basic beautiful better big bitter black blind blue bold boring brief
        bright brilliant broad broken brown busy calm careful central certain cheap
        clean clear clever cold comfortable common compact compatible complete complex confident
        confusing consistent constant convenient cool correct crazy creative critical curious
        current dangerous dark deep delicious dense different difficult digital direct dirty
        double early eager easy effective efficient elegant empty enormous entire equal
        essential exact excellent exciting expensive external extra fair familiar famous fancy
        fast final fine firm flat flexible foreign formal fragile free fresh friendly
        full funny general gentle genuine giant global gold good graceful grand grateful
        gray great green happy hard harmful healthy heavy helpful hidden high honest
        horrible hot huge human hungry ideal identical important impossible impressive inner
        innocent instant internal invisible jealous kind large late legal light
        likely limited little local logical lonely long loose loud lovely low lucky major
        manual massive maximum mean medium mental minimum minor missing modern modest monthly
        narrow nasty natural neat necessary negative nervous neutral new nice noisy normal
        obvious odd official old online open optional orange ordinary original outer overdue
        painful parallel partial past patient perfect permanent personal pleasant
        polite poor popular positive possible powerful practical precise premium
        pretty previous primary private productive proper proud public purple quick
        quiet random rapid rare ready realistic reasonable recent redundant regional regular
        relevant reliable remote responsible rich rigid risky robust rough round rude
        sad safe scary secondary secret secure senior sensible sensitive separate serious severe
        shallow sharp shiny short shy sick silent silly silver similar simple single slow
        small smart smooth social soft solid special specific stable standard steady
        steep strange strict strong stupid subtle successful sudden suitable sunny sure
        surprising sweet tall temporary terrible thick thin tidy tight tiny tired tough
        transparent tricky typical ugly unclear unexpected unhappy unique universal unknown
        unusual upper upset urgent useful useless valid valuable various vast vertical virtual
        visible vital warm weak weekly wet white wide wild wise wonderful wooden worried worse
        worth wrong yellow young""",
    "verb": """
        accept achieve add adjust adopt announce apply approve arrange ask assign attach
        avoid begin believe block book bring build buy calculate cancel capture
        carry celebrate change check choose clarify clean close collect combine compare compile
        complete compress confirm connect consider contact continue control convert copy cover
        create cut debug decide decline define delay delegate delete deliver demonstrate deploy
        describe design detect develop disable discuss distribute divide document download draw
        drop edit enable encourage enjoy estimate evaluate examine expand expect
        explain explore export extend fill finalize finance find finish fix focus follow
        forget gather generate get give grow handle help highlight hire hold ignore
        implement import improve include increase inform inspect install introduce
        invest investigate invite join justify keep launch learn leave limit listen load maintain
        manage map measure mention merge migrate monitor move negotiate notify observe offer
        open optimize order organize own pack pause perform pick plan postpone prefer
        prepare present prevent print process produce promote propose protect prove provide
        publish pull push question raise reach receive recommend record recover
        reduce refactor refresh refuse reject release remember remind remove rename renew
        repair repeat replace report request require research reserve reset resolve
        restart restore review revise rewrite run save schedule select sell send
        separate serve set share ship shorten show sign simplify skip solve sort speak
        specify spend split start stop store study submit suggest summarize support suspend
        switch synchronize take teach tell test throw trace track train transfer translate
        trust try turn understand update upgrade use validate verify visit wait want warn watch
        win work worry""",
    "past": """
        accepted added agreed announced approved arrived asked assigned blocked booked bought
        broke brought called canceled changed checked chose cleaned closed collected
        completed confirmed created decided delivered deployed described designed discovered
        discussed doubled dropped expected explained failed finished fixed followed forgot
        gave grew happened helped hired improved increased installed introduced invited
        joined launched learned left liked looked lost merged migrated missed moved needed
        noticed offered opened ordered planned postponed prepared presented promised published
        pushed raised reached received rejected released removed replaced reported
        requested reviewed said saved scheduled sent shared shipped showed signed skipped
        solved started stopped submitted suggested tested thought told tried
        updated upgraded visited waited wanted wrote worked""",
    "gerund": """
        adding asking blocking building buying calling changing checking cleaning closing coming
        delivering deploying designing discussing drawing dropping editing fixing getting going
        growing helping hiring improving joining launching learning leaving looking losing making
        managing measuring meeting merging missing moving opening paying planning preparing
        presenting publishing pushing reading recording reducing releasing removing renaming
        replacing reporting reviewing rewriting running saving selling sending sharing shipping
        showing signing solving spending starting stopping talking testing thinking tracking
        trying updating using waiting watching winning working writing""",
    "adverb": """
        absolutely accidentally actually again already always apparently automatically badly
        basically briefly carefully certainly clearly closely completely constantly correctly
        currently definitely directly easily entirely especially eventually exactly
        finally frankly frequently fully generally gently gradually greatly hardly honestly
        immediately initially instantly jointly just largely lately literally
        mainly mostly nearly never normally obviously occasionally often originally
        partly perfectly personally possibly practically precisely probably properly quickly
        quietly rarely really recently regularly roughly sadly safely seriously simply slightly
        slowly smoothly sometimes soon specifically still strongly suddenly surely thoroughly
        together totally truly typically unfortunately usually""",
    "when": """today tomorrow yesterday tonight""",
    "part_of_day": "morning afternoon evening",
    "weather": "sunny rainy cloudy windy cold warm freezing snowing",
    "food": """coffee tea pizza sandwich salad soup cake cookies bread cheese chicken pasta
        banana apple orange lemon breakfast dinner chocolate sugar milk water juice""",
    "hobby": """football tennis swimming cooking reading music guitar piano chess gardening
        photography painting hiking cycling running dancing skiing yoga""",
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
