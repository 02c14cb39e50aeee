"""What guide does not know, which is everything else: examples of it, and the honest answers.

The phrases are written like those of facts.py; `$name` stands for a member of a list of THINGS.
"""

import re

from frames import expand

# Four honest answers, by what was asked for. All of them name a next step.
QUESTION = (
    "I do not know: I am a very small model that only knows backstop. "
    "Set a key such as OPENAI_API_KEY, or start Ollama, and a real model answers."
)
TASK = (
    "That is beyond me: I am a very small model, built in so that something always answers. "
    "Set a key such as OPENAI_API_KEY, or start Ollama, to ask a real one."
)
SUM = (
    "I cannot calculate: I am a very small model that only knows backstop. "
    "Set a key such as OPENAI_API_KEY, or start Ollama, and a real model does."
)
UNCLEAR = (
    "I did not understand that: I am a very small model that only knows backstop. "
    "Ask me how to set a key, or set one such as OPENAI_API_KEY and ask a real model."
)


def words(text):
    """Things apart by spaces; an underscore is a space within one."""
    return [word.replace("_", " ") for word in text.split()]


THINGS = {
    "country": words(
        "France Italy Spain Japan Egypt Peru Kenya Norway Greece Cuba Brazil India China Mexico Turkey Poland Sweden Finland Iceland Ireland Portugal Austria Switzerland Belgium Hungary Ukraine Morocco Nigeria Ghana Chile Argentina Colombia "
        "Vietnam Thailand Indonesia Korea Mongolia Nepal Iran Iraq Israel Australia New_Zealand South_Africa Ethiopia Tunisia Bolivia Jamaica Panama Romania Bulgaria Serbia Estonia Latvia Denmark Luxembourg Malta Cyprus Germany England Scotland"
    ),
    "city": words(
        "Paris London Madrid Tokyo Cairo Lima Nairobi Oslo Athens Havana Vienna Prague Warsaw Dublin Lisbon Zurich Geneva Milan Naples Hamburg Munich Cologne Lyon Boston Chicago Denver Seattle Toronto Sydney Delhi Mumbai Shanghai Seoul Bangkok Istanbul Moscow Amsterdam Barcelona New_York San_Francisco Los_Angeles"
    ),
    "language": words("French German Italian Japanese Chinese Russian Latin Greek Dutch Polish Turkish Arabic Hindi Korean Portuguese Swedish Danish Finnish Czech Hungarian Esperanto Welsh Swahili"),
    "animal": words("fox owl bear cat dog frog hen goat duck mouse horse crab whale shark tiger lion elephant giraffe snake bee ant spider wolf penguin parrot turtle dolphin dragon unicorn hamster rabbit cow pig sheep monkey eagle"),
    "food": words("bread pizza pasta soup cake lasagna curry sushi pancakes rice potatoes salad cheese chocolate cookies omelette risotto dumplings coffee tea beer wine apple_pie tomato_sauce noodles ice_cream eggs stew tofu hummus"),
    "person": words(
        "Einstein Shakespeare Mozart Beethoven Cleopatra Caesar Gandhi Newton Darwin Galileo Picasso Plato Aristotle Lincoln Churchill Goethe Kafka Tolstoy Homer Dante Columbus Marie_Curie Ada_Lovelace Alan_Turing Nikola_Tesla Bach Kant Nietzsche Freud "
        "Marx Elvis Madonna Messi Ronaldo Taylor_Swift Elon_Musk Bill_Gates Steve_Jobs the_president the_pope the_king the_queen Buddha Socrates Leonardo Michelangelo"
    ),
    "topic": words(
        "love autumn_leaves winter spring summer the_sea the_moon the_stars rain friendship war peace time death life happiness football chess cars trains music art history physics chemistry biology economics politics philosophy religion astronomy gardening cooking dancing "
        "fashion school work money travel dreams ghosts robots space evolution gravity democracy capitalism volcanoes dinosaurs the_middle_ages the_roman_empire world_war_two climate_change vaccines sleep yoga coffee mathematics poetry photography sailing fishing bicycles mountains_in_winter rivers trees flowers"
    ),
    "language_of_code": words("Python JavaScript Java C C++ Go Ruby PHP Haskell SQL bash Perl Swift Kotlin TypeScript HTML CSS R Lua COBOL assembly regex"),
    "software": words(
        "docker kubernetes git linux windows excel word photoshop vim emacs nginx postgres mysql redis mongodb react django flask numpy pandas pytorch tensorflow chrome firefox android iphone gmail slack zoom spotify youtube facebook terraform ansible jenkins github apache wordpress ubuntu debian macos powershell vscode"
    ),
    "science": words(
        "a_black_hole an_atom DNA a_prime_number photosynthesis inflation an_electron the_big_bang entropy a_virus a_cell relativity quantum_mechanics a_neuron a_transistor recursion a_linked_list a_hash_table a_compiler an_algorithm blockchain bitcoin machine_learning a_neural_network a_transformer deep_learning "
        "reinforcement_learning a_database tcp http dns_in_general the_cloud an_operating_system a_pointer a_monad a_closure multithreading encryption rsa the_internet wifi bluetooth gps a_laser radar an_engine_of_a_car a_volcano a_comet a_galaxy osmosis a_noun a_sonnet a_mortgage a_tax stoicism"
    ),
    "object": words("car bike house phone table chair lamp book window door garden shoe camera boat kite drum guitar piano clock watch bag coat hat printer fridge oven television radio bed sofa bottle pen knife ladder tent mirror_on_the_wall"),
    "symptom": words("a_cold fever a_sore_throat back_pain a_cough a_toothache stomach_pain a_rash insomnia an_allergy a_broken_leg high_blood_pressure a_migraine flu dizziness"),
    "name": words("Ada Ben Cleo Dan Eve Finn Gus Hana Ivy Jon Kai Lia Maria Peter Tom Anna Paul Lisa Max Nina"),
    "job": words("doctor lawyer teacher pilot nurse chef farmer painter plumber judge actor writer singer engineer soldier baker"),
    "sport": words("tennis basketball cricket rugby hockey golf skiing swimming boxing cycling baseball volleyball formula_one the_world_cup the_olympics the_super_bowl"),
    "quality": words("biggest smallest longest fastest oldest deepest hottest coldest richest heaviest rarest strongest most_beautiful most_famous most_expensive most_dangerous"),
    "superlative_of": words("river lake ocean desert island city country building bridge tree planet star ship train plane animal bird fish insect song film book painting volcano canyon waterfall"),
}
# The longest names first: "language" begins "language_of_code".
THING = re.compile(r"\$(" + "|".join(sorted(THINGS, key=len, reverse=True)) + ")")

QUESTIONS = (
    "{what is|what's|name|do you know|tell me} the capital [city] of $country", "{how many people live in|what is the population of|where is|how big is|tell me about|what language do they speak in} {$country|$city}", "{who is|who was|tell me about|when was|where was|how old is|who is the wife of} $person [born|]",
    "{what is|what's|explain|define|how does} $science [work|]", "{explain|describe|tell me about|what do you know about|teach me} {$topic|$science}", "why {is|are} {the sky blue|grass green|snow white|the sea salty|water wet|bananas yellow|leaves green|the sun hot|ice slippery|cats so cute|dogs loyal}",
    "what {is|does} {color|colour} {is|of|has} {the sky|grass|snow|coal|a banana|a tomato|the sun|an orange}", "{what is|what's|which is|name} the $quality $superlative_of [in the world|in $country|on earth]", "how {tall|old|far|deep|heavy|long|hot|fast} is {the moon|the sun|mars|jupiter|$person|a $animal|the eiffel tower|the earth|the nile}",
    "{what's|what is|how is|tell me} the weather [like] [today|tomorrow|in $city|this weekend|now]", "{will it|does it|is it going to} {rain|snow|be sunny|be cold|be warm} {today|in $city|tomorrow|this week|on sunday}", "what time is it [now|in $city]", "what {day|date|year} is {it|today}", "what's the {news|latest news|date|time|temperature in $city}",
    "{what is the news|what happened} {today|yesterday|in $city|in $country|in the world}", "who {won|will win|plays|leads} {the $sport game|the election in $country|the match|$sport|the war|the race|the oscars|the cup}", "{what is|tell me} the score [of the $sport game]", "{how do I|how to|how can I} {cook|bake|make|prepare|eat|store|freeze} $food",
    "{how do I|how to|how can I} {fix|repair|buy|sell|clean|paint|build|draw|steal|move} {a|my} $object", "{how do I|how to|how can I} {learn|speak|understand} {$language|$language_of_code|$sport|the guitar|to swim|to dance}", "{how do I|how to} {install|use|start|uninstall|update|exit|configure|learn|stop} $software", "{what is|what's|explain|who made} $software",
    "{is|was} $software {good|better than $software|dead|free|secure|hard to learn}", "{I have|what helps against|what to do about|how do I treat|my child has|what causes|medicine for|is it dangerous to have} $symptom", "{should|can|may} I {take|eat|drink|mix} {ibuprofen|$food|vitamins|antibiotics|paracetamol|alcohol} [with $symptom|when pregnant|every day]",
    "{who|which person} {invented|discovered|wrote|painted|built|composed} {the telephone|america|hamlet|the mona lisa|the pyramids|the $object|penicillin|the $food|faust|the radio}", "when {did|was|is} {world war two|the french revolution|$person|christmas|easter|the moon landing|the next election|the fall of rome} [end|begin|start|die|]",
    "what is {a|an} {$animal|$object|$job}", "{do|can|why do} {$animal}s {fly|swim|sleep|eat $food|talk|dream|bite}", "how {many|much} {legs does a $animal have|does a $animal weigh|sleep do I need|calories has $food|water should I drink|planets are there|bones has a human|states has $country}", "where {can I buy|can I find|do they sell|is the best|do I get} {a $object|$food|a $animal|shoes|a good $job}",
    "{should I|is it good to|is it legal to} {buy a $object|marry|move to $city|invest in gold|buy bitcoin|become a $job|learn $language_of_code|quit my job|sell my stocks|eat $food}", "{what|which} {movie|film|book|song|game|restaurant|hotel|car|phone|laptop} {should I|do you|would you} {watch|read|recommend|like|buy|play|choose} [in $city]",
    "{what is|how much is} the {price|cost} of {a $object|bitcoin|gold|$food|a flight to $city|a house in $city}", "{stock price|shares|stocks} of {apple|google|tesla|amazon}", "{flights|trains|buses|way|road|distance} {from $city to $city|to $city}", "what {does|did} $person {do|say|eat|think about $topic}", "what is the meaning of life", "{do you|does god|do ghosts|do aliens|does santa} {love me|exist|like $food|believe in god|dream|have feelings}",
    "{what is|what's} your {favourite|favorite} {color|colour|food|song|animal|film|book|$object}", "{do you like|what do you think about|what's your opinion on|who is better in} {$topic|$food|$person|$sport|$country}", "what does the {$language} word {amor|haus|chat|hola|merci|casa|danke} mean", "how do {I|you} say {hello|thank you|goodbye|I love you|cheese|water} in $language",
    "what is {a|the} {car|door|house|piano|bike|answer|musical|map} key", "which {fashion|car|toy|role|train} model {is best|is new|do you like|costs least}", "where does the {mountain|water|little} stream {begin|end|come from}", "what is a {bus|train|bike|plane|hiking} route {from $city to $city|in $country}", "the {swimming pool|fleet of ships|army commit|household budget|tax deadline} {of $city|in $country|of my town}",
    "how do I {make a git commit|undo a commit in git|squash commits|fix a segfault|center a div|reverse a list in $language_of_code|parse xml in $language_of_code|open a file in $language_of_code}", "what is a {git commit|train trail|hiking trail|swimming pool|household budget|car model|school project deadline|movie stream}", "why does my {$object|$animal|car|computer screen|wifi|$software} {not work|smell|make noise|bite|crash|run away}",
    "what is the {plural|opposite|synonym|origin|spelling} of {$object|house|$animal|good|mouse|child}", "is {pluto a planet|the earth flat|a tomato a fruit|water wet|fish meat|$city in $country|a $animal a mammal}", "{who|what} is {your mother|the ceo of google|the best $job|the richest man|spiderman|harry potter|the prime minister of $country|the mayor of $city|my father}",
    "my {wife|dog|boss|child|neighbour|$animal} {is ill|hates me|left me|snores|does not listen|died}", "{I am|I feel} {sad|bored|hungry|tired|lonely|happy|angry|drunk|in love|cold|depressed|stressed}", "what should I {wear|cook|eat|do|buy|say|read|watch|drink} [today|tonight|this weekend|in $city|for dinner|for my mother]",
    "{what|how} {rhymes with|do you spell|is the etymology of} {$object|$animal|love|necessary|$food}", "compare {$country|$city|$software|$language_of_code|$animal} {and|with|to} {$country|$city|$software|$language_of_code|$animal}", "difference between {a $animal|$software|$language_of_code|$food|a $object|$science} and {a $animal|$software|$language_of_code|$food|a $object|$science}",
    "{pros and cons|history|future|advantages|benefits|risks} of {$topic|$science|$food|$software}", "{$topic|$science|$country|$city|$person|$food|$animal|$object|$software|$sport|$language|$symptom}", "{learn|know|news|facts|information|something} about {$topic|$country|$person|$animal}", "what is {the best|a good} {recipe|gift|name|book|$object|way} for {a $animal|$food|a $job|$name|$topic}",
    "{do|did} you {know|hear about|see|meet|read} {$person|$name|the new film|$topic|the news|$country}", "how {is|was} {$name|your mother|$country|$person|the film|the $food}", "can {you feel pain|a $animal swim|humans fly|I trust my $job|plants think|cats see colours|we live on mars}",
)

TASKS = (
    "{write|compose|create|give|make|draft} [me] {a|an|one|another} {poem|story|song|essay|limerick|letter|joke|email|speech|novel|short story|rap|sonnet|blog post|cover letter|text|article|tweet|riddle|report|fairy tale} [{about|on|for} {$topic|a $animal|$food|$person|my $job|$country|$name}]",
    "{poem|story|song|essay|joke|letter} {about|on} {$topic|a $animal|$food|$person}", "{tell|give} me {a|another|one more} {joke|story|riddle|fact|fairy tale|fun fact|secret|quote} [about {$topic|a $animal|$person}]", "{translate|say|write} {this|hello|the sentence|I love you|good night|how are you|thank you} {to|into|in} $language",
    "{translate|traduire} {$object|$animal|$food|this text} [into $language]", "{write|give me|create|make|generate} {a|some|the} {code|program|function|script|class|loop|web page|website|app|game|regex} {in|for|with} $language_of_code [that {sorts a list|prints hello world|reads a file|counts words|computes primes|opens a window}]",
    "{write|show me|give me} a $language_of_code {function|program|script} {to|that|which} {sort|reverse a string|add numbers|find primes|download a page|send mail|parse dates}", "{debug|fix|review|refactor|explain|optimise|test|rewrite} {this|my|the following} {code|program|function|$language_of_code code|script|query}[: x = 1|: for i in range(10)|: int main() return 0;|: SELECT name FROM users|: def f(x)|: print(1|: console.log(x)]",
    "{summarise|summarize|shorten|correct|proofread|rephrase|improve|paraphrase} {this|my|the following|the} {text|article|essay|email|sentence|book|paragraph|page}[: $name has a $object and a $animal.|: The $animal lives in $country.]", "{draw|paint|sketch|show me} {a|an|me a} {$animal|$object|picture|house|map|face|picture of $topic}", "{plan|organise|book|find me} {a|my} {trip to $city|holiday in $country|party|wedding|flight to $city|hotel in $city|week}",
    "{play|sing|start|let's play} {a game|chess|music|a song|hangman|tic tac toe|twenty questions|$sport}", "{suggest|find|give me|list|name} {a name|ten names|five ideas|three tips|some books|some films|synonyms|three cities|all planets|ten animals} [for {my $animal|a $object|$topic|a start-up}|in $country|about $topic]",
    "{act|pretend|talk|speak|behave} {like|as|to be|as if you were} {a $job|$person|a $animal|my $job|a pirate}", "{remind|wake|call|email|text} {me|$name|my $job} [{tomorrow|at seven|later|now}]", "{set|start|stop} {a timer|an alarm|the music|my car|the lights} [{for|at} {five minutes|seven}]", "{order|buy|send|bring} {me|} {a pizza|$food|a $object|a taxi|flowers}",
    "{turn|switch} {on|off} the {light|lights|radio|television|heating|oven}", "{recipe|cooking instructions|ingredients} for $food", "{once upon a time|it was a dark night|roses are red|to be or not to be|the quick brown fox|lorem ipsum dolor sit amet|in the beginning|knock knock|dear $name|dear diary}", "{count|list} {to ten|from 1 to 100|the planets|the alphabet|all countries|backwards}",
    "{complete|finish|continue} the {sentence|story|poem|joke}: {the $animal|once upon|my $object is|$name went}", "{convert|format} {this json|a csv|10 miles to km|5 feet to cm|100 dollars to euro|the table} [into xml|please|]", "{roleplay|brainstorm|imagine|let's talk about $topic|let's chat about $food|entertain me|surprise me|flirt with me|motivate me|cheer me up|bore me}",
    "{solve|do|explain} my {homework|exam|puzzle|crossword|sudoku|riddle|physics problem|chemistry homework}", "{open|close|delete|find|read|download|install|print|copy} {the file|my documents|$software|my photos|a website|the folder|my mail|report.pdf|all files}", "{hack|crack|steal|guess} {the wifi|my password|a bank|facebook|this account|his phone}",
)

SUMS = (
    "{what is|what's|how much is|calculate|compute|solve|} #N {+|-|*|/|plus|minus|times|divided by|x|to the power of|mod|^} #N [=|= ?]", "#N{+|-|*|/|x}#N[=]", "#N {+|-} #N {+|*|-} #N", "{square root|factorial|half|double|cube|logarithm|sqrt} of #N", "is #N {prime|even|odd|a prime number|divisible by #N}", "{solve|what is|} #Nx {+|-} #N = #N",
    "{#N percent of #N|how many days are #N hours|#N times #N please|add #N and #N|sum of #N and #N|multiply #N by #N|divide #N by #N|the average of #N, #N and #N}", "{integrate|differentiate|derive|plot|simplify} {x^#N|sin x|x squared|e^x|#Nx + #N|cos(x)}", "{I have #N apples and eat #N|a train goes #N km in #N hours}, how {many are left|fast is it}", "{count|how many} {the letters|letters are|r's} in {$food|$animal|strawberry|$country}",
    "sqrt(#N)", "#N", "#N, #N, #N, what comes next", "{roll a die|flip a coin|random number|pick a number [between #N and #N]}",
)

OTHER = (
    "{ok|okay|k|hm|hmm|huh|what|why|how|yes|no|maybe|test|testing|test 123|foo|bar|foo bar|baz|x|a|abc|aaa|blah|bla bla|lol|haha|wow|oh|um|uh|and|so|go on|more|again|continue|next|please|sure|right|why not|what?|nothing|never mind|whatever|something|anything|idk|nope|yep|yeah}",
    "{?|??|...|.|!|-|--|*|/|:)|:(|;||\"|'|()|<>|%|_|,|!!!|?!|$|@|==|=>|->|~|e|\\}", "#G", "#G #G", "#G #G #G", "#G #G #G #G", "what is {a|an|} #G", "how do I #G", "{tell me about|explain|who is|where is|why is} #G", "#W #W", "#W #W #W", "#W #W #W #W #W", "#W",
    "{bonjour|hola|ciao|hallo|guten tag|salut|namaste|konnichiwa|wie geht es dir|comment allez-vous|que tal|was ist das|qu'est-ce que c'est|como estas|wer bist du|hilfe|danke|merci|gracias|quelle heure est-il|ich verstehe nicht|je ne comprends pas|no entiendo|buongiorno|parli italiano|sprichst du deutsch|wie heisst du}",
    "{привет|как дела|你好|谢谢|こんにちは|안녕하세요|مرحبا|שלום|γεια|здравствуйте|ありがとう|ça va|où est la gare|größe|mañana|señor|żółw|naïve café}", "{👍|😀|❤️|🎉|🤔|😢|🙏|👋 👋|🚀🚀}",
)

# Any English words; strung together they mean nothing.
PLAIN = words(
    "apple river stone cloud green purple seven under over quickly slowly dance jump table window paper music silver golden winter summer candle pocket button ribbon feather basket hammer pencil bridge tunnel garden forest meadow valley island harbour anchor sail compass lantern mirror curtain blanket pillow "
    "sugar pepper lemon cherry walnut honey butter flour kettle spoon plate saucer marble pebble copper iron tin brass velvet cotton linen silk leather wool thread needle scissors envelope stamp parcel ticket wheel saddle bell whistle trumpet violin drumstick shoulder elbow knee ankle eyebrow whisper thunder "
    "lightning drizzle frost breeze sunset midnight morning tuesday october uncle cousin neighbour stranger soldier tailor potato cabbage onion mushroom turnip sparrow beetle badger otter weasel lizard salmon"
)


def gibberish(random):
    """A word of no language, or keys struck at random."""
    if random.random() < 0.5:
        return "".join(random.choice("bcdfghjklmnpqrstvwxz") + random.choice("aeiou") for _ in range(random.randint(2, 4)))
    return "".join(random.choice("abcdefghijklmnopqrstuvwxyz") for _ in range(random.randint(3, 9)))


def number(random):
    return str(random.choice([random.randint(0, 20), random.randint(0, 100), random.randint(0, 10000)]))


def filled(phrase, random):
    """The phrase with its choices made, and things, numbers and nonsense in their places."""
    text = expand(phrase, random)
    text = re.sub(THING, lambda match: random.choice(THINGS[match[1]]), text)
    text = re.sub(r"#N", lambda _: number(random), text)
    text = re.sub(r"#G", lambda _: gibberish(random), text)
    return re.sub(r"#W", lambda _: random.choice(PLAIN), text)


def unknown(random):
    """A question that guide cannot answer, with what it says to that."""
    phrases, answer = random.choices(
        [(QUESTIONS, QUESTION), (TASKS, TASK), (SUMS, SUM), (OTHER, UNCLEAR)], weights=[10, 5, 1.5, 3]
    )[0]
    return filled(random.choice(phrases), random), answer
