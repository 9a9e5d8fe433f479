"""Word lists the value grammars draw from. All of them are written for this project."""


def _list(text):
    return [word.strip() for word in text.replace("\n", ",").split(",") if word.strip()]


def _words(text):
    return text.split()


# (first names, family names) of one culture each; a person takes both from the same entry most of the time
NAMES = [
    (_words("James Oliver Emma Charlotte Henry Grace Thomas Alice George Lucy Edward Hannah Peter Helen Simon Rachel Martin Joan Gareth Fiona"),
     _words("Walker Hughes Barnes Fletcher Whitmore Clarke Ashby Holloway Pearce Turner Wainwright Mercer Dalton Rowe O'Brien McAllister Thorne Blackwood")),
    (_words("Tyler Madison Brandon Ashley Jordan Kayla Austin Megan Marcus Denise Wesley Tanya Curtis Lorraine Dwight Monica"),
     _words("Johnson Hayes Freeman Caldwell Banks Ramsey Schroeder Booker Whitfield Jefferson Sawyer Stokes Pruitt Lindqvist")),
    (_words("Jonas Klara Matthias Anke Dieter Sabine Lukas Heike Florian Birgit Uwe Greta Jürgen Katharina"),
     _words("Becker Vogel Schäfer Brandt Lehmann Krüger Neumann Hartwig Zimmermann Pohl Reuter Baumgartner Weiß Dietrich")),
    (_words("Camille Antoine Élodie Mathieu Sylvie Bastien Chloé Laurent Océane Thierry Manon Gaspard"),
     _words("Lefèvre Moreau Girard Chevalier Rousseau Fontaine Marchand Perrin Delacroix Besson Renaud Lemoine")),
    (_words("Lucía Javier Carmen Diego Marisol Andrés Paloma Rafael Inés Gonzalo Beatriz Emilio Ximena Esteban"),
     _words("García Ortega Navarro Castillo Delgado Fuentes Herrera Montoya Salazar Vega Quintero Pizarro Ibarra")),
    (_words("Giulia Lorenzo Chiara Matteo Francesca Davide Alessia Riccardo Serena Tommaso"),
     _words("Rossi Ferrara Colombo Moretti Barbieri Galli Santoro Rinaldi Pellegrini Lombardi")),
    (_words("Priya Arjun Ananya Rohan Kavita Vikram Meera Sanjay Lakshmi Nikhil Divya Harish Pooja Aditya"),
     _words("Sharma Iyer Patel Reddy Nair Banerjee Kulkarni Chopra Desai Menon Rao Joshi Mehta")),
    (_words("Wei Mei Jian Xiu Hao Ling Jun Yan Feng Lan"),
     _words("Chen Wang Liu Zhang Huang Zhao Lin Xu Gao Tan Ong Lim")),
    (_words("Haruto Yuki Sakura Kenji Aiko Takumi Naomi Hiroshi Emi Daichi"),
     _words("Tanaka Suzuki Yamamoto Kobayashi Nakamura Ishikawa Matsuda Fujita Hayashi Ogawa")),
    (_words("Minjun Seoyeon Jihoon Hana Dongwook Soojin Eunji Taeyang"), _words("Kim Park Choi Jung Kang Yoon Shin Han Seo")),
    (_words("Amina Omar Fatima Yusuf Layla Karim Nadia Hassan Samira Tariq Zainab Khalid"),
     _words("Haddad Mansour Al-Rashid Khoury Farouk Saleh Nasser Aziz Bakri Hamdan El-Sayed")),
    (_words("Chidi Ngozi Kwame Abena Tunde Folake Sipho Thandi Baraka Wanjiru Amara Kofi"),
     _words("Okafor Adeyemi Mensah Boateng Dlamini Nkosi Mwangi Otieno Eze Abiola Owusu Kamau")),
    (_words("Piotr Agnieszka Tomasz Magdalena Krzysztof Zofia Marek Ewa Jakub Dorota"),
     _words("Nowak Kowalczyk Wiśniewski Zielińska Kamiński Lis Pawlak Wrona Sikora")),
    (_words("Dmitri Olga Sergei Natalia Alexei Irina Pavel Svetlana Oksana Bohdan"),
     _words("Ivanov Petrova Sokolov Morozova Volkov Kravchenko Shevchuk Bondarenko Orlov")),
    (_words("Lars Ingrid Erik Astrid Mikkel Freja Anders Sigrid Jukka Aino"),
     _words("Hansen Lindberg Nygaard Sørensen Johansson Bergström Dahl Virtanen Halvorsen Eklund")),
    (_words("João Mariana Thiago Larissa Rui Beatriz Caio Fernanda Nuno Luana"),
     _words("Silva Ferreira Carvalho Almeida Barbosa Teixeira Pacheco Moreira Nunes Azevedo")),
    (_words("Elif Mehmet Ayşe Emre Zeynep Burak Selin Kerem"), _words("Yılmaz Demir Kaya Şahin Aydın Öztürk Arslan Koç")),
    (_words("Nguyen Thuy Duc Lan Somchai Malee Budi Siti Jose Maricel Rizal Dewi"),
     _words("Tran Pham Vu Bui Suwan Santoso Wijaya Reyes Bautista Villanueva Hidayat")),
]

CITIES = _list("""
London, Manchester, Leeds, Bristol, Glasgow, Cardiff, Norwich, Exeter, Brighton, Sheffield, Newcastle, Inverness, Belfast, Dublin, Cork, Galway
New York, Boston, Chicago, Denver, Seattle, Portland, Austin, Houston, Atlanta, Miami, Phoenix, San Diego, San Francisco, Los Angeles, Salt Lake City, Kansas City, New Orleans, Baltimore, Cleveland, St. Louis, Santa Fe, Boise, Tampa
Toronto, Vancouver, Montreal, Calgary, Halifax, Quebec City, Sydney, Melbourne, Brisbane, Perth, Auckland, Wellington
Berlin, Hamburg, Munich, Cologne, Leipzig, Frankfurt, Vienna, Zurich, Geneva, Basel, Paris, Lyon, Marseille, Nantes, Bordeaux, Madrid, Barcelona, Valencia, Seville, Lisbon, Porto, Rome, Milan, Naples, Turin, Bologna
Amsterdam, Rotterdam, Utrecht, Brussels, Antwerp, Copenhagen, Aarhus, Stockholm, Gothenburg, Oslo, Bergen, Helsinki, Tallinn, Riga, Warsaw, Krakow, Prague, Brno, Budapest, Bucharest, Sofia, Athens, Istanbul, Ankara
Cairo, Lagos, Accra, Nairobi, Kampala, Cape Town, Johannesburg, Casablanca, Tunis, Addis Ababa, Dubai, Abu Dhabi, Doha, Beirut, Amman, Tel Aviv, Riyadh
Mumbai, Delhi, Bangalore, Chennai, Pune, Kolkata, Hyderabad, Colombo, Dhaka, Karachi, Lahore, Kathmandu
Tokyo, Osaka, Kyoto, Sapporo, Seoul, Busan, Beijing, Shanghai, Shenzhen, Chengdu, Hong Kong, Taipei, Singapore, Kuala Lumpur, Penang, Bangkok, Chiang Mai, Hanoi, Manila, Cebu, Jakarta, Surabaya
Mexico City, Guadalajara, Bogota, Medellin, Lima, Quito, Santiago, Buenos Aires, Montevideo, São Paulo, Rio de Janeiro, Recife, Havana, San Jose, Panama City
""")
TOWNS = _list("""Ashford, Millbrook, Kingsbury, Redhill, Fairview, Oakham, Lakewood, Springvale, Westbrook, Harlow, Thornbury, Maple Ridge, Stonehaven, Riverton,
Eastleigh, Cedar Falls, Pine Hollow, Bad Neustadt, Saint-Amand, Villa Nueva, Oberwald, Monteverde, Langford, Whitby, Glenrock, Summerfield, Port Ellis, North Haven""")
COUNTRIES = _list("""Germany, France, Spain, Portugal, Italy, Poland, the Netherlands, Belgium, Denmark, Sweden, Norway, Finland, Ireland, the United Kingdom, UK,
USA, the United States, Canada, Mexico, Brazil, Argentina, Chile, Peru, Colombia, Japan, South Korea, China, India, Pakistan, Bangladesh, Vietnam, Thailand, Indonesia, Malaysia,
Singapore, the Philippines, Australia, New Zealand, South Africa, Nigeria, Ghana, Kenya, Egypt, Morocco, Turkey, Greece, Austria, Switzerland, Czech Republic, Hungary, Romania, Ukraine, UAE, Saudi Arabia, Israel, Iceland, Estonia""")
REGIONS = _list("""Bavaria, Tuscany, Catalonia, Normandy, Cornwall, Yorkshire, the Scottish Highlands, Ontario, Queensland, Texas, California, Ohio, Florida, Montana, the Midwest,
Scandinavia, the Balkans, Punjab, Kerala, Hokkaido, Patagonia, the Gulf Coast, Sicily, Brittany, Saxony, Silesia, Lapland, Southeast Asia, East Africa, the Bay Area""")
STATES = _words("CA NY TX WA OR CO IL MA FL GA AZ OH NC MN UT NJ PA VA")
LANDMARKS = _list("""central station, the harbour, Riverside Park, the old town, Victoria Square, the airport, the convention centre, King's Bridge, the university campus, Lakeside Mall,
the town hall, the main square, Hillcrest Hospital, the ferry terminal, Elm Park, the botanical garden, the south gate, Liberty Plaza, the food court, the stadium""")
STREET_STEMS = _list("""Oak, Maple, Church, Station, High, Mill, Park, King, Queen, Victoria, Elm, Cedar, Bridge, River, Lake, Hill, Market, Garden, Harbour, Chestnut, Washington, Franklin,
Juniper, Willow, Castle, Orchard, Abbey, Meadow, Union, College, Spring, Prospect, Canal, Foundry, Windsor, Albion, Beacon, Sunset, Cherry, Sycamore, 5th, 42nd, 17th""")
STREET_KINDS = _words("Street St St. Road Rd Avenue Ave Ave. Lane Ln Drive Dr Boulevard Blvd Court Close Way Terrace Place Square Crescent")
FOREIGN_STREETS = _list("""Hauptstraße, Lindenallee, Bahnhofstr., Goethestraße, Rue de la Gare, Rue Pasteur, Avenue Victor Hugo, Via Garibaldi, Via Roma, Calle Mayor, Calle del Sol, Avenida da Liberdade,
Rua Augusta, Jalan Merdeka, Jalan Bukit, Kungsgatan, Storgata, Prinsengracht, Ulica Polna, Nevsky prospekt, MG Road, Nanjing Road, Paseo de la Reforma""")

INDUSTRIES = _list("""Logistics, Foods, Software, Consulting, Energy, Textiles, Robotics, Pharma, Insurance, Media, Plastics, Motors, Electronics, Furniture, Construction, Travel, Partners, Analytics,
Biotech, Packaging, Printing, Shipping, Trading, Systems, Labs, Networks, Studios, Engineering, Catering, Security, Solar, Steel, Brewing, Capital, Holdings, Industries, Technologies, Health, Airlines, Telecom, Optics""")
SUFFIXES = _list("Ltd, Ltd., Limited, Inc, Inc., LLC, GmbH, AG, S.A., SARL, B.V., plc, Corp, Corp., Pty Ltd, Sdn Bhd, Oy, AB, S.p.A., Co., & Co. KG, Pvt Ltd, Group")
NOUNS = _list("""Falcon, Harbor, Summit, Lantern, Willow, Anchor, Compass, Granite, Cedar, Horizon, Beacon, Orchid, Prism, Juniper, Cobalt, Meridian, Sparrow, Atlas, Ember, Delta, Pioneer, Crescent,
Ridge, Lighthouse, Copper, Maple, Raven, Tundra, Comet, Zephyr, Monarch, Velvet, Saffron, Titan, Nimbus, Quartz, Heron, Bramble, Cascade, Foxglove""")
ADJECTIVES = _list("Blue, Golden, Northern, Silver, Green, Royal, Bright, Little, Grand, Silent, Red, United, First, Old, New, Western, Black, White, Modern, Swift, Hidden, Crooked")
SYLLABLES = (_words("Vel Quan Zor Nex Bri Tal Mon Kor Lum Sol Ari Den Fex Hal Omni Per Ral Syn Tri Vant Wex Xan Yor Cal Dra El"),
             _words("o a i e ora ati ena ivi ula ano ex is on ero imo"), _words("ra tix va lio dyne tech nix sys gen mark wave core pay byte ly va zon dia ta len"))
AGENCIES = _list("""Ministry of Transport, Department of Health, City Council, Port Authority, Food Safety Agency, National Weather Service, Chamber of Commerce, Border Police, Fire Department,
Electoral Commission, Central Bank, Tax Office, Environment Agency, Coast Guard, Federal Court, Parliament, Teachers' Union, Farmers' Association, Red Crescent, Housing Authority""")
SCHOOLS = _list("University of {city}, {city} University, {city} Technical College, {noun} Business School, {city} Institute of Technology, {last} College, {noun} Academy, Hochschule {city}, {city} School of Design")
TEAMS = _list("{city} {nouns}, {city} United, FC {city}, {city} Rovers, {city} City, {city} {nouns}, {noun} Rangers, Real {city}, {city} Athletic")
BANKS = _list("{city} Savings Bank, {noun} Bank, First {noun} Bank, Banco {last}, {noun} Credit Union, Bank of {city}, {coined}Pay, {city} Building Society, {noun} Trust")
BANDS = _list("The {adj} {nouns}, {noun} & the {nouns}, {adj} {noun}, {last} Brothers, {coined}, DJ {noun}, The {nouns}, {first} and the {nouns}, {city} Philharmonic, {noun} Parade")
RESTAURANTS = _list("""The {adj} {noun}, {first}'s Kitchen, Trattoria {first}, Casa {last}, {noun} Grill, {city} Noodle House, Chez {first}, {last}'s Diner, Taverna {noun}, Sushi {coined},
{adj} {noun} Bistro, Cafe {noun}, Café {first}, The {noun} & {noun}, Bombay {noun}, Taqueria {last}, {noun} Steakhouse, Pizzeria {first}, {noun} Tea Room, Golden Wok""")
HOTELS = _list("Hotel {noun}, The {adj} {noun} Hotel, {city} Grand, {noun} Inn, {last} Guesthouse, Hotel {city}, {noun} Suites, Pension {first}, {noun} Lodge, {adj} {noun} Resort, {city} Airport Hotel, Villa {first}")
SHOPS = _list("""{last}'s Hardware, {noun} Market, {adj} {noun} Books, {city} Pharmacy, {last} Bakery, {noun} Mart, Super {noun}, {noun} Stationery, {last} & Daughters, {noun} Cycles, {first}'s Flowers,
{adj} {noun} Cafe, {noun} Garden Centre, {last} Auto Parts, {coined} Outlet, {city} Mini Market, Kedai {last}, {noun} Grocers, {noun} Fuel Station, {noun} Petrol""")
HOSPITALS = _list("St. {first} Hospital, {city} General Hospital, {noun} Clinic, {last} Medical Centre, {noun} Dental Practice, {city} Children's Hospital, {noun} Physio, {adj} {noun} Health Centre, Praxis Dr. {last}")
VENUES = _list("{noun} Hall, {city} Arena, {last} Theatre, {noun} Stadium, The {noun} Room, {noun} Gallery, {city} Convention Centre, {noun} Club, {adj} {noun} Ballroom, {last} Library, {noun} Park")
AIRLINES = _list("{noun} Air, Air {coined}, {city} Airways, {coined} Airlines, Fly{noun}, {adj} {noun} Airlines, {noun}Jet")

PRODUCT_NOUNS = _list("""headphones, keyboard, mouse, monitor, desk lamp, office chair, backpack, coffee machine, blender, vacuum cleaner, phone case, charger, router, printer, toaster, water bottle, running shoes, rain jacket,
tent, bike helmet, drill, garden hose, mattress, bookshelf, sofa, tablet, smartwatch, camera, tripod, speaker, microphone, electric kettle, rice cooker, hair dryer, toothbrush, suitcase, wallet, sunglasses, yoga mat, dumbbell set,
stroller, car seat, puzzle, chess set, notebook, fountain pen, desk organizer, air fryer, fan heater, dehumidifier, lawn mower, ladder, paint roller, smoke detector, door lock, thermostat, webcam, docking station, hard drive, graphics card""")
PRODUCT_ADJECTIVES = _list("wireless, foldable, stainless steel, leather, compact, ergonomic, waterproof, cordless, portable, noise-cancelling, wooden, rechargeable, LED, bamboo, heavy duty, mini, smart, ceramic, adjustable, insulated")
COLOURS = _list("black, white, navy, dark green, red, light grey, silver, beige, teal, burgundy, sky blue, matte black, rose gold, yellow, orange, purple, charcoal, cream")
SUPPLIES = _list("""copy paper A4, toner cartridge, M8 hex bolts, cable ties, pallet wrap, safety gloves, cleaning cloths, steel brackets, LED panels, cardboard boxes, bubble wrap, copper pipe 15 mm, cement bags, wood screws,
hydraulic hose, ball bearings, filter cartridges, label rolls, PVC sheet, aluminium profiles, paper cups, hand soap 5 l, printer labels, extension leads, brake pads, engine oil 5W-30, spark plugs, work boots, hard hats, hi-vis vests""")
GROCERIES = _list("""milk, whole milk 1L, eggs x12, sourdough loaf, butter unsalted, bananas, gala apples, tomatoes, chicken breast, ground coffee, olive oil, basmati rice, pasta penne, cheddar, greek yoghurt, orange juice, mineral water,
dark chocolate, paper towels, dish soap, cereal, tuna can, red onions, potatoes 2kg, frozen peas, toothpaste, cat food, AA batteries, shampoo, green tea, salted crisps, honey, oat drink, tofu, mushrooms, carrots""")
DISHES = _list("""margherita pizza, chicken tikka masala, pad thai, beef burger, fish and chips, caesar salad, mushroom risotto, lamb kebab, tom yum soup, vegetable curry, spaghetti carbonara, miso ramen, falafel wrap, steak frites,
veggie lasagne, pulled pork sandwich, dumplings, chocolate cake, tiramisu, flat white, cappuccino, iced latte, espresso, lemonade, house red wine, draft beer, teh tarik, nasi lemak, garlic bread, onion soup, pancakes, club sandwich, apple pie, mango lassi""")
CUISINES = _list("italian, thai, indian, chinese, japanese, mexican, french, greek, turkish, ethiopian, lebanese, korean, vietnamese, spanish, peruvian, vegan, seafood, barbecue, mediterranean, american, moroccan")
CAR_MODELS = _list("sedan, hatchback, SUV, pickup, estate, minivan, convertible, coupe, van, electric compact, station wagon, 7-seater")
JOB_FIELDS = _list("""software engineer, data analyst, project manager, sales representative, nurse, accountant, warehouse operative, marketing manager, electrician, HR specialist, product designer, chef, mechanical engineer, teacher,
customer service agent, forklift driver, office manager, legal counsel, DevOps engineer, copywriter, pharmacist, receptionist, plumber, research assistant, security guard, financial controller, buyer, database administrator, social worker,
quality inspector, truck driver, barista, architect, translator, lab technician, recruiter, tax advisor, network engineer, store manager, welder""")
SENIORITY = _list("senior, junior, lead, head, assistant, principal, part-time, deputy, trainee")
EXECUTIVE = _list("CEO, CFO, CTO, managing director, chairwoman, spokesperson, chief economist, founder, vice president, press officer, head of operations, chief executive, board member, plant manager")
OFFICES = _list("mayor, minister of finance, union leader, police chief, trade minister, president, prime minister, senator, foreign minister, governor, health secretary, ambassador, city councillor")
SKILLS = _list("""Python, SQL, Java, project planning, Excel, SAP, public speaking, Kubernetes, copywriting, bookkeeping, customer service, TypeScript, React, PostgreSQL, Docker, AutoCAD, first aid, welding, team leadership, negotiation,
data visualization, Terraform, Photoshop, statistics, machine learning, contract law, recruiting, inventory management, C++, Go, Rust, Figma, Tableau, phlebotomy, patient care, forklift licence, food hygiene, budgeting, SEO, Linux administration, lean manufacturing""")
DEGREES = _list("BSc, MSc, PhD, MBA, bachelor's degree, master's degree, diploma, BA, B.Eng., associate degree, LLM, doctorate, Diplom, MA")
SUBJECTS = _list("computer science, economics, mechanical engineering, nursing, law, history, biology, business administration, graphic design, mathematics, chemistry, electrical engineering, psychology, architecture, philosophy, public health, linguistics")
LANGUAGES = _list("English, German, French, Spanish, Italian, Portuguese, Mandarin, Hindi, Arabic, Japanese, Korean, Polish, Russian, Dutch, Swedish, Turkish, Swahili, Tamil, Bengali, Vietnamese")
NATIONALITIES = _list("German, French, Spanish, Italian, Portuguese, Polish, Dutch, Swedish, Norwegian, Irish, British, American, Canadian, Mexican, Brazilian, Indian, Chinese, Japanese, Korean, Vietnamese, Nigerian, Kenyan, Egyptian, Turkish, Greek, Australian")
DEPARTMENTS = _list("accounting, purchasing, sales, customer service, human resources, IT, legal, marketing, logistics, quality assurance, R&D, facilities, finance, production, procurement, compliance, warehouse, support, engineering, payroll")
SYMPTOMS = _list("""headache, dry cough, fever, sore throat, back pain, nausea, dizziness, rash on the arms, shortness of breath, stomach cramps, fatigue, blurred vision, swollen ankle, chest tightness, earache, joint pain, insomnia, runny nose,
numbness in the left hand, heartburn, itchy eyes, loss of appetite, knee pain, palpitations, chills, vomiting, stiff neck, toothache""")
CONDITIONS = _list("type 2 diabetes, high blood pressure, asthma, migraine, eczema, seasonal allergies, bronchitis, anaemia, arthritis, sinusitis, gastritis, hypothyroidism, tonsillitis, a sprained wrist, sciatica, shingles, pneumonia, high cholesterol")
DRUGS = _list("""ibuprofen, paracetamol, amoxicillin, metformin, omeprazole, cetirizine, salbutamol, lisinopril, atorvastatin, prednisolone, levothyroxine, sertraline, doxycycline, amlodipine, naproxen, insulin glargine, codeine, azithromycin, loratadine, warfarin""")
PROCEDURES = _list("blood test, x-ray, MRI scan, ultrasound, dental cleaning, root canal, vaccination, annual check-up, eye exam, ECG, physiotherapy, skin check, filling, knee surgery, allergy test, flu shot, hearing test, colonoscopy")
SPECIALTIES = _list("cardiologist, dermatologist, dentist, GP, family doctor, paediatrician, ophthalmologist, orthopaedist, gynaecologist, neurologist, physiotherapist, psychiatrist, ENT specialist, radiologist, urologist")
ALLERGENS = _list("penicillin, peanuts, latex, shellfish, gluten, lactose, pollen, eggs, soy, sesame, sulfa drugs, cat hair, bee stings, tree nuts, strawberries")
DEVICES = _list("laptop, printer, docking station, projector, phone, tablet, desktop PC, label printer, badge reader, scanner, headset, meeting room screen, VPN gateway, switch, NAS, barcode scanner, POS terminal")
SOFTWARE = _list("Outlook, Excel, Teams, Slack, SAP, Jira, Confluence, Salesforce, Chrome, Firefox, Zoom, Photoshop, PostgreSQL, nginx, Jenkins, GitLab, Grafana, Word, the VPN client, SharePoint, the time tracking tool, OneDrive, Acrobat, Thunderbird")
SYSTEMS = _list("Windows 11, Windows 10, macOS 14, macOS Sonoma, Ubuntu 22.04, Debian 12, iOS 17, Android 14, Red Hat 9, Fedora 40, Windows Server 2019, ChromeOS")
ERRORS = _list("""connection timed out, access denied, out of memory, disk full, file not found, permission denied, invalid certificate, login failed, session expired, unexpected end of file, could not resolve host,
device not ready, license expired, too many connections, checksum mismatch, index out of range, paper jam, no signal, kernel panic, segmentation fault, connection refused, deadlock detected""")
SERVICES = _list("auth-service, billing-api, nginx, postgres, scheduler, mailer, search-index, payment-gateway, sshd, cron, ingest-worker, cache, frontend, redis, kafka-broker, report-engine, inventory-sync, backupd")
DEFECTS = _list("""cracked screen, broken zip, missing screws, loud rattling noise, dead battery, scratched surface, wrong size, leaking lid, faulty switch, torn seam, flickering display, bent frame, stains on the fabric, loose handle, burnt smell,
missing charger, stuck button, dented corner, overheating, peeling paint""")
QUALITIES = _list("battery life, sound quality, price, build quality, customer service, packaging, delivery speed, comfort, screen, camera, design, ease of use, instructions, smell, size, weight, fabric, noise level, suction power, taste, portion size, location, cleanliness, staff, breakfast")
PAYMENT_METHODS = _list("credit card, debit card, cash, bank transfer, PayPal, Visa, Mastercard, direct debit, Apple Pay, gift card, invoice, Amex, cheque, Google Pay, SEPA transfer, contactless, voucher")
CARRIERS = _list("DHL, UPS, FedEx, Royal Mail, Hermes, GLS, DPD, USPS, Purolator, PostNord, our own van, TNT, Evri, Australia Post, {noun} Express, {coined} Freight, {last} Couriers")
SHIPPING = _list("express, standard, overnight, economy, next day delivery, freight, click and collect, same-day courier, registered mail, air freight, sea freight, priority")
PRIORITIES = _list("high, low, medium, urgent, critical, normal, P1, P2, P3, sev 2, blocker, minor, top priority")
INCOTERMS = _list("EXW, FOB, CIF, DAP, DDP, FCA, CPT, FOB Hamburg, CIF Rotterdam, DAP Leeds")
PAYMENT_TERMS = _list("net 30, net 14 days, 30 days net, 2% 10 net 30, due on receipt, 50% in advance, 60 days end of month, cash on delivery, payment in advance, net 45, 14 days without deduction")
GENRES = _list("jazz, techno, country, classical, hip hop, indie rock, blues, reggae, lo-fi, metal, bossa nova, k-pop, folk, soul, drum and bass, 80s pop, opera, salsa")
FILM_GENRES = _list("thriller, comedy, horror, romance, documentary, science fiction, western, animation, drama, fantasy, crime, musical, war film, mystery, heist movie")
STREAMERS = _list("Netflix, Spotify, YouTube, Prime Video, Disney+, Deezer, Tidal, Apple Music, {coined}TV, Hulu, Bandcamp, {noun} Radio")
WEATHER = _list("rain, snow, sunny, fog, thunderstorm, strong wind, hail, drizzle, humid, freezing, cloudy, heat wave, frost, sleet, icy roads")
EVENT_KINDS = _list("concert, workshop, conference, lecture, book reading, flea market, food festival, yoga class, open day, charity run, exhibition, product launch, hackathon, wine tasting, webinar, quiz night, trade fair, wedding, birthday party, town hall meeting")
TOPICS = _list("""budget review, quarterly results, onboarding, website relaunch, hiring plan, security audit, supplier contract, office move, sprint planning, customer feedback, data migration, pricing, risk assessment, holiday schedule, fire safety, GDPR training,
brand guidelines, incident follow-up, warehouse layout, roadmap, travel policy, new CRM, energy costs, machine maintenance, salary round, go-live""")
ROOMS = _list("Room {n}, room {n}, Meeting room {noun}, the big conference room, {noun} Room, B{n}, Lab {n}, 3rd floor kitchen, Boardroom, Studio {n}, the canteen, Building C room {n}, Zoom, Teams, auditorium")
AMENITIES = _list("balcony, parking space, garden, elevator, fitted kitchen, dishwasher, fireplace, underfloor heating, cellar, pool, gym, air conditioning, wifi, terrace, garage, washing machine, sea view, breakfast, bike storage, sauna, pet friendly")
PROPERTY_KINDS = _list("apartment, studio, detached house, loft, bungalow, penthouse, terraced house, maisonette, villa, office space, cottage, townhouse, warehouse, duplex, farmhouse")
ROOM_KINDS = _list("double room, single room, suite, twin room, family room, dorm bed, deluxe king, room with two beds, sea view room, junior suite")
TRAVEL_CLASSES = _list("economy, business class, first class, premium economy, second class, sleeper, standard, coach")
SEATS = _list("window, aisle, middle, {n}A, {n}C, {n}F, seat {n}B, front row, exit row")
DOCUMENT_KINDS = _list("passport, driving licence, ID card, birth certificate, visa, proof of address, payslip, bank statement, work permit, insurance card, tax return, utility bill")
CLAIM_KINDS = _list("water damage, theft, fire, car accident, hail damage, burst pipe, break-in, storm damage, broken window, lost luggage, dog bite, windscreen crack, flooding, vandalism, rear-end collision, cyber attack")
INSURANCES = _list("home insurance, car insurance, travel insurance, liability insurance, life insurance, health insurance, legal protection, pet insurance, contents insurance, dental cover")
LEAVES = _list("annual leave, sick leave, parental leave, unpaid leave, maternity leave, compassionate leave, sabbatical, study leave, special leave, holiday")
CONTRACT_KINDS = _list("service agreement, lease, non-disclosure agreement, employment contract, supply agreement, licence agreement, loan agreement, purchase agreement, consulting agreement, distribution agreement, partnership agreement, maintenance contract")
EMPLOYMENT_KINDS = _list("full-time, part-time, permanent, fixed-term, freelance, temporary, internship, contract, mini job, shift work, remote")
BENEFITS = _list("company car, flexible hours, home office, gym membership, pension plan, free lunch, 30 days of holiday, bike leasing, health insurance, training budget, stock options, childcare, job ticket")
ALARM_LABELS = _list("gym, school run, take out the bins, medication, call mum, water the plants, laundry, team call, pick up the kids, feed the cat, morning run, pasta, dentist, change the oil, submit timesheet, pay rent, renew passport, buy stamps")
REASONS = _list("late delivery, wrong item, damaged in transit, changed my mind, double charge, poor quality, no longer needed, found it cheaper, did not fit, missing parts, not as described, ordered by mistake, too expensive, moving house, unused subscription")
PURPOSES = _list("rent, dinner, groceries, concert tickets, the taxi, birthday gift, electricity, the hotel, pizza night, gas money, lunch, football tickets, deposit, membership fee, the weekend trip, piano lessons, utilities, babysitting")
HAZARDS = _list("oil spill, gas leak, slippery floor, exposed wiring, broken ladder, blocked fire exit, falling boxes, chemical burn, conveyor jam, forklift collision, smoke in the server room, loose railing, power failure, roof leak")
INJURIES = _list("broken wrist, cut on the hand, bruised knee, sprained ankle, concussion, burns to the forearm, back strain, whiplash, fractured rib, eye irritation, crushed finger")
SPECIES = _list("dog, cat, rabbit, parrot, hamster, tortoise, horse, guinea pig, budgie, ferret")
PET_NAMES = _words("Rocky Luna Bella Milo Biscuit Pepper Ziggy Momo Shadow Coco Simba Nala Oreo Pickles Hugo Waffles")
INGREDIENTS = _list("flour, sugar, eggs, butter, garlic, olive oil, chickpeas, coconut milk, ginger, basil, parmesan, lentils, soy sauce, spinach, cumin, lemon juice, yeast, cream, cinnamon, tomatoes, rice, chilli flakes")
CROPS = _list("wheat, barley, soybeans, potatoes, coffee, cocoa, cotton, maize, sugar cane, rapeseed, crude oil, copper, natural gas, lithium, steel, palm oil")
SPORTS = _list("football, handball, tennis, basketball, cricket, ice hockey, rugby, volleyball, cycling, swimming, athletics, chess, badminton")
MATERIALS = _list("cotton, oak, stainless steel, leather, polyester, glass, bamboo, wool, aluminium, recycled plastic, linen, ceramic, walnut, merino, carbon fibre")
COURSES = _list("Introduction to Statistics, Organic Chemistry, World History, Business English, Linear Algebra, First Aid Basics, Contract Law II, Database Systems, Watercolour for Beginners, Project Management, Microeconomics, Spanish A2, Machine Learning, Bookkeeping Level 1, Anatomy")
TITLE_WORDS = _list("River, Night, Winter, Garden, Mirror, Letter, House, Road, Shadow, Summer, Ocean, Promise, Stranger, Island, Fire, Daughter, Clockmaker, Paper, Silence, Moon, Harvest, Stone, Bird, City, Storm, Kingdom, Secret, Train, Glass, Song")
TITLE_PATTERNS = _list("""The {t} of {t}s, {adj} {t}, The {adj} {t}, The {t} for {first}, {t} and {t}, The Last {t}, {t} Without {t}s, Beyond the {t}, {first}'s {t}, When the {t} Sleeps, {t}, The {t}, One {adj} {t}, Letters to {first}, {t} Rising, No {t} Tonight,
How to Build a {t}, {n} {t}s, Return to {city}, A Short History of {t}s, Dancing in {city}, Into the {adj} {t}, {t}bound, My {adj} {t}""")
VISIBILITIES = _list("private, public, friends only, visible to all, hidden, only visible to us")
LIST_NAMES = _list("shopping, groceries, to-do, packing, weekend, birthday, hardware store, work, camping trip, books to read, party, chores, wish")
SMART_DEVICES = _list("lights, heating, lamp, radio, dishwasher, blinds, coffee maker, fan, TV, robot vacuum, air purifier, garage door, speaker, humidifier")
HOME_ROOMS = _list("kitchen, living room, bedroom, bathroom, garage, hallway, nursery, basement, office, guest room, dining room, attic, terrace")
PLAYLISTS = _list("road trip, Sunday morning, gym mix, deep focus, Summer 2024, party, Chill Out, old favourites, running, {first}'s Mix, {noun} Vibes, songs to cook to, rainy day, late night drive, {adj} {noun}, kids in the car")
ONSETS = _words("b d f g h j k l m n p r s t v w z br cl dr fl gr kr pl st tr sh ch")
NAME_STARTS = _words("Bright Open Clear True Blue Next Deep Smart Pure Hyper Meta Fresh Quick Cloud Data Eco Med Fin Agri Omni Tele Snap Green Iron Sun Star Net")
NAME_ENDS = _words("Path Desk Loop Shift Forge Nest Scale Works Link Point Field Wave Box Craft Lane Mind Port Grid Bridge Base Vault Leaf Spark")
COMPANIES = _list("""Google, Microsoft, Apple, Amazon, Facebook, Netflix, Spotify, Tesla, Toyota, Honda, Siemens, Bosch, BMW, Volkswagen, Samsung, Sony, Nintendo, Nokia, Ericsson, IKEA, H&M, Zara, Nike, Adidas, Puma, Walmart, Target, Costco, Tesco, Aldi, Lidl, Carrefour,
Starbucks, McDonald's, Burger King, KFC, Subway, Domino's, Pizza Hut, Coca-Cola, Pepsi, Nestle, Unilever, Danone, Heineken, Shell, BP, Exxon, Boeing, Airbus, Lufthansa, Ryanair, Delta, Emirates, Uber, Lyft, Airbnb, Booking.com, eBay, PayPal, Visa, HSBC, Barclays, Deutsche Bank,
Goldman Sachs, Morgan Stanley, Allianz, AXA, Pfizer, Bayer, Roche, Novartis, Intel, AMD, Nvidia, IBM, Oracle, SAP, Cisco, Dell, HP, Lenovo, Huawei, Xiaomi, Alibaba, Tencent, LG, Panasonic, Canon, Philips, General Electric, Ford, General Motors, Hyundai, Kia, Renault, Fiat, Volvo,
Disney, Warner, Reuters, BBC, CNN, Twitter, Reddit, LinkedIn, YouTube, Instagram, Snapchat, TikTok, Dropbox, Adobe, Salesforce, Vodafone, Verizon, AT&T, T-Mobile, Comcast, FedEx, UPS, DHL, Caterpillar, Lego, Mattel, Rolex, Gucci, Prada, Sephora, Best Buy, Home Depot""")
PRODUCTS = _list("""iPhone, iPhone 12, iPad, MacBook Air, AirPods, Apple Watch, Galaxy S21, Galaxy Note, Pixel 6, Kindle, Echo Dot, Fire TV, Chromecast, PlayStation 5, PS4, Xbox, Xbox Series X, Nintendo Switch, Game Boy, Wii, Walkman, GoPro, Fitbit, Roomba, Windows 10, Windows 7, Android,
iOS, Photoshop, Excel, PowerPoint, Gmail, Google Maps, WhatsApp, Skype, Siri, Alexa, Model 3, Corolla, Civic, Golf, Mustang, Prius, F-150, Mini Cooper, Vespa, Nutella, Oreo, Red Bull, Kit Kat, Snickers, Big Mac, Whopper, Frappuccino, Lego, Barbie, Monopoly, Crocs, Air Max, Doc Martens, Polaroid""")
WORKS = _list("""Hamlet, Macbeth, Romeo and Juliet, Pride and Prejudice, Jane Eyre, Wuthering Heights, Great Expectations, Oliver Twist, Moby Dick, Dracula, Frankenstein, War and Peace, Anna Karenina, Don Quixote, The Odyssey, Faust, Alice in Wonderland, Treasure Island, Robinson Crusoe, The Time Machine,
The Trial, Metropolis, Nosferatu, Casablanca, Citizen Kane, Psycho, Vertigo, Jaws, Titanic, Star Wars, Alien, The Matrix, Inception, Frozen, Toy Story, The Lion King, Rocky, Batman, Game of Thrones, Breaking Bad, Friends, Seinfeld, The Simpsons, The Office, Sherlock, Doctor Who,
Minecraft, Tetris, Pac-Man, Super Mario, Zelda, The Sims, Carmen, The Magic Flute, Swan Lake, Bohemian Rhapsody, Yesterday, Imagine, Thriller, Hey Jude, Stairway to Heaven, Mona Lisa, Guernica, The Scream, The Wizard of Oz, Winnie the Pooh, Les Miserables""")
FAMOUS = _list("""Mozart, Beethoven, Bach, Chopin, Einstein, Marie Curie, Isaac Newton, Galileo, Shakespeare, Jane Austen, Charles Dickens, Goethe, Tolstoy, Cleopatra, Napoleon, Julius Caesar, Queen Victoria, Abraham Lincoln, Gandhi, Nelson Mandela, Martin Luther King, Frida Kahlo, Picasso, Van Gogh, Rembrandt,
Leonardo da Vinci, Charlie Chaplin, Marilyn Monroe, Audrey Hepburn, Elvis, Jimi Hendrix, John Lennon, Bob Marley, Edith Piaf, Louis Armstrong, Agatha Christie, Mark Twain, Hemingway, Darwin, Tesla, Ada Lovelace, Alan Turing, Houdini, Amelia Earhart, Bruce Lee""")
FILLERS = [
    "I hope you are well.", "Please let me know if you need anything else.", "Sorry for the trouble.", "Thank you for your patience.", "Have a nice day!", "Any help is appreciated.", "This is not what I expected.",
    "We apologise for any inconvenience.", "Please do not reply to this message.", "I have tried everything already.", "As discussed, here are the details.", "See below.", "Let me know what you think.", "No idea what to do next.",
    "This message may contain confidential information and is meant for the addressee only.", "I could not find anything about it on your page.", "Thanks in advance!", "Just to be sure, I am writing again.", "It would be great to hear from you soon.",
    "That is all for now.", "Nobody has answered me so far.", "Everything else is as before.", "I know you are busy, so I will keep it short.", "The rest can wait.", "Please handle this with care.", "We look forward to your answer.", "Note: please keep this for your records.",
    "ok", "thx", "lol", "hm, let me think", "one moment please", "This has happened before.", "I would rather not go through that again.", "Feel free to share this with the others.", "Further information follows.", "All prices and dates without guarantee.",
    "For internal use only.", "It is a bit complicated to explain.", "You have been really helpful, thank you.", "I am quite disappointed.", "What a day.", "Great, that helps a lot.", "Is there anything else I should know?", "(automatically generated message)", "Could you please confirm?",
    "It is the same as always: a lot of noise and nothing happens.", "Don't worry, there is no rush.", "I will get back to you as soon as I know more.", "Best of luck!", "Good news!", "Hi there,", "Hello,", "Dear Sir or Madam,", "Quick question:", "FYI", "Update:", "Fwd:", "Please note the following.",
]
CAR_PARTS = _list("brake discs, clutch, battery, alternator, timing belt, exhaust, windscreen, front tyres, spark plugs, water pump, fuel filter, headlight, shock absorbers, wiper blades, radiator, catalytic converter, gearbox, rear bumper, starter motor, turbocharger")
CAR_FAULTS = _list("engine warning light, a grinding noise when braking, an oil leak, a flat tyre, loss of power, vibration at high speed, a coolant leak, trouble starting, a dead battery, white smoke, a squeaking belt, a stuck window, overheating, a burning smell")
LEAD_SOURCES = _list("trade fair, website form, cold call, referral, newsletter, LinkedIn, webinar, advertisement, walk-in, partner, Google search, podcast, a friend, conference booth")
PLANS = _list("Basic, Premium, Family, Student, Unlimited, Starter, Pro, Business Plus, Flex 20, Green Power, Home 100, Mobile M, Gold, Comfort XL, Free, Team, Annual, Prepaid 10, Night Saver, All Inclusive")
BRANCHES = _list("feature/login, fix-timeout, release-2.4, dev, hotfix/cache, refactor-parser, staging, topic/new-index, wip, bugfix/null-check, v3-port, docs-update")
PET_SYMPTOMS = _list("limping, vomiting, a runny nose, no appetite, itchy skin, a swollen paw, coughing, diarrhoea, fleas, bad breath, hair loss, a broken claw, weight loss, red eyes, scratching all day")
CITY_ISSUES = _list("potholes, a broken street light, illegal dumping, graffiti, loud construction noise, a blocked drain, stray dogs, an abandoned car, overflowing bins, a fallen tree, speeding cars, a missing stop sign, water leaking from a pipe, icy pavements, a damaged playground")
OFFICE_HOURS = _list("Mon-Fri 9-17, 8 am to 4 pm, weekdays until 6 pm, Tue and Thu mornings, 9:00-12:30, Monday to Thursday, 24/7, by appointment, Mo-Fr 8-16 h, Sat 10-14, only in the afternoon")
SALES_STAGES = _list("prospecting, qualified, proposal sent, negotiation, closed won, closed lost, demo scheduled, discovery, on hold, verbal agreement, contract sent, new")
SHORTHAND = {"you": "u", "are": "r", "please": "pls", "thanks": "thx", "thank you": "ty", "because": "cuz", "and": "&", "your": "ur", "for": "4", "to": "2", "before": "b4", "with": "w/", "about": "abt", "tonight": "2nite", "people": "ppl", "message": "msg", "want to": "wanna", "going to": "gonna"}
SERVICE_KINDS = _list("haircut, beard trim, manicure, massage, hair colouring, facial, tattoo, house cleaning, window cleaning, piano tuning, tax consultation, legal consultation, boiler service, chimney sweep, passport photos, family therapy, driving lesson, dog grooming, furniture assembly, eyebrow threading, carpet cleaning, guided tour, house viewing, eye test")
