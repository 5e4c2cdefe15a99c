"""Texts on which rounding is measured, written for this.

Ranges of values are measured on pairs of several kinds, lengths and languages; what rounding does to the order of
documents, on lists as a first stage returns them, from the answer to what has only words in common with the query.
Scores of queries and documents that have nothing to do with each other lie so far apart, with some models, that errors
look small beside them.
"""

# (query, document) pairs.
RANGE_PAIRS: tuple[tuple[str, str], ...] = (
    (
        "what causes tides in the ocean",
        (
            "Tides are the rise and fall of sea levels caused by the combined pull of the Moon and the Sun, and by the "
            "rotation of the Earth. Most coasts see two high tides and two low tides a day; the difference is largest "
            "at new and full moon."
        ),
    ),
    (
        "how tall is mount everest",
        "8,849 metres (29,032 ft) above sea level, as announced in December 2020.",
    ),
    (
        "average cost of replacing a kitchen sink",
        (
            "Home owners pay between $250 and $780 for a new sink, labor included. Stainless steel starts at $95; "
            "granite costs up to $1,200. Add $45-$150 an hour if pipes have to be moved. Get at least three quotes "
            "before you sign!"
        ),
    ),
    (
        "define osmosis",
        (
            "Osmosis (noun): the movement of a solvent, usually water, through a semipermeable membrane from a region "
            "of lower solute concentration to one of higher concentration. See also: diffusion, reverse osmosis, "
            "turgor pressure."
        ),
    ),
    (
        "who wrote the first computer program",
        "Photosynthesis takes place in the chloroplasts of plant cells, where light drives the splitting of water.",
    ),
    (
        "python remove duplicates from list keep order",
        (
            "Use `list(dict.fromkeys(items))`. Since version 3.7 dictionaries keep insertion order, so the first of "
            "equal items survives:\n\n>>> list(dict.fromkeys([3, 1, 3, 2, 1]))\n[3, 1, 2]\n\nItems have to be "
            "hashable; for lists of lists write a loop with a `seen` set of tuples instead. Its running time is O(n)."
        ),
    ),
    (
        "does vitamin d supplementation reduce the risk of fractures in older adults",
        (
            "BACKGROUND: Trials of vitamin D and fracture gave mixed results. METHODS: We pooled 11 double-blind "
            "randomized trials (n = 31,022; mean age 76 years; 91% women) and estimated hazard ratios by quartiles of "
            "actual intake. RESULTS: Intake in the highest quartile (median 800 IU daily) was followed by fewer hip "
            "fractures (HR 0.70, 95% CI 0.58-0.86) and non-vertebral fractures (HR 0.86, 95% CI 0.76-0.96). "
            "CONCLUSION: High-dose supplementation was somewhat favorable in the prevention of hip fracture and any "
            "non-vertebral fracture in persons 65 years of age or older."
        ),
    ),
    (
        "lift and drag of a thin wing in supersonic flow",
        (
            "An integral equation for the pressure over a slender delta wing is solved by expansion in series. For "
            "leading edges inside the Mach cone the lift coefficient varies with sweep; the results agree with "
            "experiment at M = 1.5 to 2.0 below an incidence of six degrees, where the boundary layer stays attached. "
            "Tables for numerical use are given."
        ),
    ),
    (
        "is a landlord allowed to enter without notice",
        (
            "In most states a landlord must give 24 to 48 hours' written notice, except in an emergency such as fire, "
            'flooding or a gas leak. "Reasonable hours" usually means 8 a.m. to 6 p.m. on weekdays. Check your lease; '
            "it may grant more."
        ),
    ),
    (
        "capital of australia",
        "Canberra",
    ),
    (
        "best time to visit japan",
        "BUY NOW *** 50% OFF *** www.example.com/?id=123&ref=abc ### limited offer ### call 555-0199",
    ),
    (
        "when did the berlin wall fall",
        (
            "Am Abend des 9. November 1989 wurde die Mauer nach einer missverständlichen Pressekonferenz geöffnet; in "
            "derselben Nacht überquerten Tausende die Grenze. Die deutsche Wiedervereinigung folgte am 3. Oktober 1990."
        ),
    ),
    (
        "cuáles son los síntomas de la gripe",
        (
            "Los síntomas más frecuentes son fiebre alta, tos seca, dolor de cabeza y de garganta, y un cansancio "
            "intenso que puede durar dos semanas. En los niños también aparecen náuseas y vómitos."
        ),
    ),
    (
        "如何泡绿茶",
        "水温八十度左右,三克茶叶,浸泡两到三分钟。水太热会使茶变苦。",
    ),
    (
        "difference between tcp and udp",
        (
            "TCP opens a connection with a three-way handshake, numbers its segments, acknowledges what arrives and "
            "sends again what does not; data come complete and in order. UDP has no connection, no order and no "
            "guarantee, only ports and a checksum, and therefore 8 bytes of header where TCP has 20 or more. Video "
            "calls, games and DNS prefer it: a late packet is worth as little as a lost one. QUIC builds reliable "
            "streams on top of UDP in user space, and encrypts nearly all of its header, so that routers between "
            "cannot grow dependent on it. In both, a socket is known by address and port of its two ends."
        ),
    ),
    (
        "how long do you boil an egg",
        "Lower the eggs into boiling water. Soft: 4-6 minutes; medium: 7-9; hard: 10-12. Then cool them in ice water.",
    ),
)

# The documents of each query, the same number for each, best first.
CANDIDATES: dict[str, tuple[str, ...]] = {
    "how long does it take for a broken wrist to heal": (
        (
            "Most simple fractures of the wrist heal within six to eight weeks in a cast. Strength comes back slowly: "
            "expect three to six months before heavy lifting, and more for people over sixty or where bones were "
            "displaced."
        ),
        (
            "After the cast comes off, the wrist is stiff. Exercises begin with gentle bending, five minutes four "
            "times a day; weights are added once the bone shows as healed on the X-ray."
        ),
        (
            "A broken collarbone usually takes six weeks to heal in adults, and three to four in children. A sling is "
            "worn for the first two or three."
        ),
        (
            "Fractures of the wrist are among the most frequent injuries of snowboarding. Beginners fall backwards "
            "onto an outstretched hand; guards halve the risk."
        ),
        (
            "How long does it take to become a doctor? Four years of medical school follow college, then three to "
            "seven years of residency, depending on the specialty."
        ),
        (
            "Broken links of a web site can be found with a crawler that follows each address and reports those that "
            "answer with an error."
        ),
    ),
    "what is the boiling point of ethanol": (
        (
            "Ethanol boils at 78.4 °C (173.1 °F) under one atmosphere, well below the 100 °C of water; it freezes at "
            "-114 °C."
        ),
        (
            "The boiling point of a liquid is the temperature at which its vapour pressure equals the pressure around "
            "it. On a mountain, liquids therefore boil at lower temperatures than at sea level."
        ),
        (
            "Methanol, the simplest alcohol, has a boiling point of 64.7 °C. It is poisonous: ten millilitres can "
            "destroy the optic nerve."
        ),
        (
            "Ethanol and water cannot be separated completely by distillation: with 95.6 percent of ethanol, vapour "
            "and liquid have the same composition and boil together at 78.2 °C."
        ),
        (
            "Ethanol raises the octane number of petrol. Cars in Brazil run on any blend of the two; in the United "
            "States most petrol holds ten percent."
        ),
        (
            "Bring the soup to the boil, then simmer for twenty minutes and skim off the fat. Serve with chopped "
            "parsley and bread."
        ),
    ),
    "is it safe to eat raw cookie dough": (
        (
            "No. Raw dough may hold salmonella from eggs, and E. coli from flour that was never heated. Health "
            "agencies advise against even small tastes, for children and pregnant women above all."
        ),
        (
            "Edible doughs from the shop are made without eggs, and with flour that was treated with heat, so that "
            "they can be eaten as they are."
        ),
        (
            "Cookie dough keeps for three days in the refrigerator and for three months in the freezer. Slice it "
            "while it is cold, and bake it a minute longer."
        ),
        (
            "Raw milk is milk that has not been pasteurised. Some states forbid its sale, since it can carry listeria "
            "and campylobacter."
        ),
        (
            "Cookies are small files in which a browser keeps what a site wants to remember. They are safe to delete, "
            "but you will have to sign in again."
        ),
        (
            "My grandmother's cookies: cream the butter with two kinds of sugar, beat in an egg and vanilla, fold in "
            "flour and chocolate chips, chill the dough for an hour, bake for eleven minutes."
        ),
    ),
    "aspirin lowers the risk of colorectal cancer": (
        (
            "METHODS: We followed 9,800 adults from three randomised trials of daily aspirin for 17 years. RESULTS: "
            "Colon cancer was rarer with aspirin (hazard ratio 0.78, 95% CI 0.64-0.95); doses above 75 mg added "
            "nothing. CONCLUSION: Low doses for five years or more prevent colorectal cancer."
        ),
        (
            "In a cohort of nurses, regular users of aspirin had polyps less often than others. The association was "
            "weaker for the rectum, and absent in those who had taken it for fewer than five years."
        ),
        (
            "Aspirin raises the risk of bleeding from the stomach. Above the age of 75, one patient in two hundred "
            "was admitted for it each year; a proton pump inhibitor lowered this by two thirds."
        ),
        (
            "Screening by colonoscopy and mortality from colorectal cancer: of those invited 42 percent took part, "
            "and after ten years 0.28 percent had died of it, against 0.31 percent of the others."
        ),
        (
            "Aspirin was first sold in 1899. Its name comes from acetyl and from Spiraea, the plant in which "
            "salicylic acid was found."
        ),
        (
            "Mutations of KRAS were present in 40 percent of the pancreatic tumours that were sequenced, and changed "
            "the response of cells to inhibitors in vitro."
        ),
    ),
    "git undo last commit but keep changes": (
        (
            "Run `git reset --soft HEAD~1`: the commit is gone, and its changes are staged to be committed again. "
            "Without `--soft` they stay in the working tree, but are not staged."
        ),
        (
            "`git commit --amend` replaces the last commit with a new one, for instance to mend its message or to add "
            "a file that was forgotten."
        ),
        (
            "`git revert <commit>` makes a new commit that takes back an earlier one. It is the right choice for what "
            "others have pulled already."
        ),
        (
            "`git stash` puts changes that are not committed aside, and `git stash pop` brings them back, perhaps on "
            "another branch."
        ),
        "To undo something in an editor press Ctrl+Z; Ctrl+Y or Ctrl+Shift+Z does it again.",
        "His last commitment was to a team that keeps changing coaches, the third in as many years.",
    ),
    "population of iceland": (
        "Iceland has about 380,000 inhabitants, two thirds of whom live in and around Reykjavik.",
        "The population of Greenland is 56,000, nearly nine in ten of them Inuit.",
        (
            "Iceland lies between the Atlantic and the Arctic Ocean, on the ridge at which two plates drift apart. A "
            "tenth of it is covered by glaciers."
        ),
        (
            "The puffins of Iceland have become fewer by more than half since the nineties: sand eels are rare in "
            "warmer water."
        ),
        "In statistics, a population is the whole of what a sample is drawn from.",
        (
            "Flights to Keflavik leave daily at ten past one. Passengers may stop over for up to seven nights and pay "
            "no more."
        ),
    ),
}
CANDIDATE_PAIRS: tuple[tuple[str, str], ...] = tuple(
    (query, document) for query, documents in CANDIDATES.items() for document in documents
)
