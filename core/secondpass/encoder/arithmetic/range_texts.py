"""Texts on which rounding is measured: short, long, of several kinds and languages, written for this."""

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
