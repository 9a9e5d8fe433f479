"""Value grammars that are only a choice of patterns, as data: type: (general fields, general fields made doubtful, patterns).

In braces: {2-30} a number, {two-ten} a number in words, {##} digits, {@@} capital letters, and the keys of values.FILLERS.
"""

# Values that keep their case.
VERBATIM = {
    "span_ms": ("duration", "", "{1-9000}ms | {1-900} ms | {0-90}.{##}s | {1-90}s | {1-900}.{#} ms"),
    "exchange_rate": ("", "", "{0-19}.{####} | 1.{####}"),
    "reading": ("", "", "{#####} | {1000-90000} kWh | {10-900}.{#} m³ | {1-90},{###} | 0{#####}"),
    "dimensions": ("dimensions", "", "{5-240} x {5-200} x {2-120} cm | {5-240}x{5-200}x{2-120}cm | {5-240} x {5-200} mm | {5-240} cm | {5-98} inches | {5-240} by {5-200} cm | {1-9}.{#} m | {4-30}\""),
    "file_size": ("", "", "{1-900} MB | {1-64}GB | {1-900} KB | {1-9}.{#} GB | {1-4}TB | {1-99999999} bytes"),
    "issue_id": ("identifier", "", "#{3-9000} | {@@@}-{3-9000} | {@@}-{3-900} | GH-{####} | bug {#####} | PR {###}"),
    "bin": ("", "", "{@##-#} | {@-##-##} | {##-##-@} | {@@##} | R{##} | {@#}"),
    "law": ("", "", "§ {1-300} {@}GB | Section {1-90} | section {1-90}({1-9}) | Article {1-99} | Art. {1-99} para. {1-5} | By-law {###} | §{1-300} | Regulation {###}/20{10-24} | Rule {1-40}"),
    "crs_code": ("", "", "{@@@###} | {@@ ###} | {@@@@-##} | {@###}"),
    "grade": ("", "", "A | B+ | C- | 1.7 | 2.3 | {40-100}/100 | pass | distinction | {50-100}% | B | A- | {6-20}/20 | {2-3}.{#} GPA | D"),
    "score": ("score", "", "{0-6}-{0-5} | {0-6}:{0-5} | {60-130}-{60-130} | {0-4} to {0-4} | 6-{0-4}, 7-5 | {0-5} - {0-5}"),
    "port": ("", "", "22 | 80 | 443 | 5432 | 8080 | 3306 | 6379 | 9092 | 25 | {1024-65000} | {1024-65000}"),
    "ip": ("ip", "", "10.{0-255}.{0-255}.{1-254} | 192.168.{0-30}.{1-254} | {11-220}.{0-255}.{0-255}.{1-254} | {11-220}.{0-255}.{0-255}.{1-254} | 172.16.{0-9}.{1-254} | 2001:db8:{1-9}{###}::{1-99} | fe80::{1-9}{##}"),
    "host": ("host", "", "{machine}-{1-30} | {machine}0{1-9} | {machine}{1-30} | {word}.{domain} | srv-{word}-{##} | {word}-prod | ip-10-0-{1-9}-{1-99} | PC-{####} | db{1-9}.internal | LAPTOP-{@@@@@}"),
    "path": ("path", "", "/var/log/{word}.log | /etc/{word}/{word}.conf | /home/{login}/{thing}.txt | C:\\Users\\{login}\\{thing}.docx | /srv/{word}/data/{thing}.csv | {word}_{thing}.xlsx | {word}-{####}.pdf"
             " | /mnt/backup/{word}.tar.gz | D:\\{word}\\{thing}.log | /opt/{word}/bin/{thing} | IMG_{####}.jpg | report_{####}.pdf"),
    "source_file": ("path", "", "src/{word}/{thing}.c | {thing}.py | lib/{word}.rs | app/{thing}/{word}.ts | {word}_{thing}.go | include/{word}.h | tests/test_{thing}.py | {thing}.sql | ./{word}/{thing}.js:{3-900}"),
    "version": ("version", "", "{0-24}.{0-20} | {0-24}.{0-20}.{0-30} | v{0-24}.{0-20}.{0-30} | v{0-24}.{0-20} | {0-9}.{0-20}.{0-9}-rc{1-4} | {2019-2025}.{1-12} | {0-9}.{0-20}.{0-9} build {####} | {1-24}.{0-9}b{1-3}"),
    "error_code": ("error_code", "", "E{####} | 0x8{#######} | ERR-{###} | ORA-{#####} | 404 | 500 | 502 | 403 | 503 | 429 | HTTP {400-504} | SQLSTATE {#####} | ECONNREFUSED | ECONNRESET | F{##} | {@}-{###} | {2-139}"),
    "command": ("", "", "systemctl restart nginx | git pull | vacuum full | rm -rf build | kubectl get pods | ipconfig /flushdns | apt upgrade | docker compose up | ssh {word} | tail -f /var/log/{word}.log | make install"
                " | pg_dump -Fc shop | curl https://{domain} | npm ci | chkdsk /f | ping {word}.{domain} | python {thing}.py"),
    "phone": ("phone", "", "+49 {## #######} | +44 20 {#### ####} | ({###}) {###-####} | {###-###-####} | 0{#### ######} | +1 {### ### ####} | +33 {# ## ## ## ##} | 0{#}/{#######} | +91 {##### #####} | 0{###-#######} | +60 {##-### ####} | {### ####}"
              " | +1-{###-###-####} | 07{### ######} | 0{## ### ## ##} | {###}.{###}.{####} | 03-{#### ####} | ext. {####}"),
    "tax_rate": ("percent", "", "19% | 20% | 7% | 6% | 21 % | 10% | 8.25% | 5% | 25% | 7.7 % | 0% | 23% | 19 %"),
    "rounding": ("money", "", "0.0{1-4} | -0.0{1-4} | -0.0{1-4}"),
}

# Values that a sentence may begin with in upper case.
FREE = {
    "wait": ("duration", "", "{2-55} minutes | {2-55} minutes | {2-55} min | {2-55} mins | half an hour | an hour | a quarter of an hour | {2-55}m | {two-twelve} minutes | two hours | 1h 20m | 90 minutes | {2-3} hours"),
    "days": ("duration", "", "{2-21} days | {2-21} days | {two-twelve} days | {2-8} weeks | {two-six} weeks | a week | a couple of days | {1-4}-{5-9} days | half a day | {2-21} working days | {2-21}d"),
    "term": ("duration", "", "{2-36} months | {two-twelve} months | {two-twelve} years | {2-10} years | one year | a year | six months | thirty days | sixty days | ninety days | {1-9}0 days | twelve (12) months | three (3) years | {2-8} weeks | a month"),
    "week_hours": ("duration", "", "{8-42} hours | {8-40}h | {15-40}.5 hours | twenty hours | thirty hours | forty hours | thirty-five hours | {8-40} hrs"),
    "nights": ("", "duration", "{2-14} nights | {two-nine} nights | one night | a week | a weekend | {2-9} days"),
    "years": ("", "duration", "{2-25} years | {2-15}+ years | {two-twelve} years | {1-9} yrs | a decade"),
    "frequency": ("frequency", "date duration", "twice a day | once daily | every {4-12} hours | three times a day | at bedtime | every morning | weekly | as needed | every other day | monthly | with meals | 1-0-1 | every evening | quarterly | every weekday"
                  " | every {day} | once a week | biweekly | annually | per month"),
    "semester": ("", "date duration", "spring {2012-2025} | fall {2012-2025} | summer {2012-2025} | winter {2012-2025} | WS {2012-2025} | SS {2012-2025} | {2012-2025}/{10-26} | semester {1-8} | first semester | third semester | Michaelmas term {2012-2025} | autumn term"),
    "wind": ("", "", "{4-130} km/h | {4-90} mph | {4-70} knots | {2-30} m/s | force {3-11} | {4-130}kmh"),
    "money_big": ("money", "", "${1-900} million | €{1-900} million | £{1-90} billion | ${1-9}.{#}bn | €{1-900}m | US${1-900} million | {1-900} million dollars | {1-900} million euros | {1-90} million pounds | {1-9}.{#} billion euros | {1-90} million francs"),
    "money_house": ("money", "", "${90-990},000 | €{90-990},000 | £{90-990},950 | {90-990}.000 € | {90-990}k | $1.{##} million | £{90-990}k | {90-990},500 EUR"),
    "salary": ("money", "", "{24-140},000 | ${24-140},000 | €{24-140}k | {24-140}k | £{24-140},500 per year | {24-140}.000 EUR | ${14-80} per hour | {24-60},000 - {61-95},000 EUR | £{24-60}k-{61-95}k | ${2-9},{1-9}00 a month"),
    "qty_unit": ("", "", "{2-60} | {1-20}00 | {2-60} pcs | {2-60} pieces | {2-60} boxes | {2-900} units | {1-9},{###} | {2-900} kg | {2-60} rolls | {2-60} pallets | {two-twelve} boxes | {2-60} pairs | {2-60} litres | a dozen | {2-40} tons"),
    "people_count": ("", "", "{1-14} | {2-8} | {2-8} | {one-ten} | {2-9} people | {two-eight} people | {2-6} adults | two adults and one child | {2-12} guests | {2-12} persons"),
    "big_count": ("", "", "{2-99},{1-9}00 | {2-9}00 | {20-990} | {2-90} million | {2-90},000 | {two-twelve} | {2-40}k"),
    "age": ("age", "", "{2-93} | {2-93} | {2-93} years | {2-93} years old | {2-93}y"),
    "rating": ("rating", "", "{1-5} stars | {1-5}/5 | {1-5} out of 5 | {1-10}/10 | {two-five} stars | {1-4}.{#} | {1-5}★ | thumbs up | {1-10} out of 10"),
    "size": ("", "", "S | M | L | XL | XXL | XS | {34-48} | {4-13} | UK {4-18} | one size | medium | large | small | {28-40}/{28-36} | EU {36-47}"),
    "weight": ("weight", "", "{1-90} kg | {1-40}.{#} kg | {1-90}kg | {2-80} lbs | {1-9}00 g | {2-40} tonnes | {3-60} pounds"),
    "area": ("area", "", "{18-290} sqm | {18-290} m² | {1-4},{1-9}00 sq ft | {18-290} square metres | {18-290} qm | {1-9}.{#} acres"),
    "distance": ("distance", "", "{1-90} km | {1-40} miles | {1-9}00 m | {2-30} minutes on foot | {1-25}.{#} km | {60-950} yards"),
    "long_distance": ("distance", "", "{12-900} km | {12-900} miles | {1-9},{###} km | {20-99} kilometres | a hundred miles"),
    "mileage": ("distance", "", "{2-290},{###} km | {2-290}.000 km | {2-190}k miles | {2-190},000 miles | {2-290}tkm | {2-290} {###} km"),
    "temperature": ("temperature", "", "{1-41}°C | -{1-12}°C | {1-41} degrees | {10-104}°F | {1-41} °C | {1-35} C | {1-38}.{#} °C | minus {2-20}"),
    "body_temperature": ("temperature", "", "{36-40}.{#} °C | {36-40}.{#} | {36-40}.{#}°C | {36-40}.{#} degrees | {98-104}.{#} F | {98-104}°F"),
    "oven": ("temperature", "", "{14-25}0 °C | {14-25}0 degrees | {14-25}0C | {6-9}50 F | {14-25}0° | gas mark {3-8} | {3-4}25°F"),
    "dose": ("dose", "", "{1-9}0 mg | {1-8}00 mg | {5-75}mg | 5 mg | 2.5 mg | one tablet | {2-10} ml | two puffs | 2 tablets | {25-100} mcg | 1 capsule | 10 drops | {4-30} units"),
    "kitchen_amount": ("", "", "{1-9}00 g | {1-9}50g | {1-5}00 ml | {1-5} tbsp | {1-4} tsp | {2-3} cups | a pinch | 1/2 cup | two tablespoons | a handful | {1-6} | half a litre | {2-16} oz"),
    "floor": ("", "", "ground floor | first floor | 2nd floor | 3rd | top floor | basement | fourth floor | {5-20}th floor | attic"),
    "rooms": ("", "", "{2-6} rooms | {2-5} bedrooms | {1-6} | {two-five} bedrooms | 2.5 rooms | {2-5} bed"),
    "event_name": ("event", "", "{city} {noun} Festival | {noun}Con | {city} Marathon | {noun} Days | {coined} Summit 2025 | {adj} {noun} Night | {city} Book Fair | {noun} Open Air | International {noun} Forum | {city} Tech Week | {last} Memorial Run | {noun} Awards"),
}
