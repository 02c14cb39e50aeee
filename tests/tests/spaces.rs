//! Vectors of different spaces do not mix, whatever a config file says, unless it says `mixed_spaces`.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails where it stands")]

use std::fmt::Write as _;
use std::sync::Arc;

use backstop::core::embedding::{EmbeddingReply, EmbeddingRequest, InputType};
use backstop::core::{Env, Kind, Registry};
use backstop::{Ask, Backstop, BackstopBuilder, Capabilities, Error, ErrorKind, Provider, async_trait};
use backstop_config::Config;
use fastrand::Rng;

/// Models of which two, under one name at every provider, are well known, and the others are not.
const MODELS: [&str; 6] = [
    "text-embedding-3-small",
    "nomic-embed-text",
    "nomic-ai/nomic-embed-text-v1.5",
    "own-a",
    "own-b",
    "own-c",
];

/// What a target may add to the body: a task, or even another model.
const EXTRAS: [&str; 4] = ["", "task = \"sorting\"", "task = \"finding\"", "model = \"own-c\""];

/// The provider that does not tell its models what vectors are for.
const MUTE: &str = "three";

/// Fails for some models, and answers for the others with a vector that tells which model made it, what was added, and
/// whether the model knew what it was for.
#[derive(Debug)]
struct Teller {
    name: String,
    fails: Vec<(String, ErrorKind)>,
}

#[async_trait]
impl Provider for Teller {
    fn name(&self) -> &str {
        &self.name
    }

    fn capabilities(&self, model: &str) -> Capabilities {
        let mut able = Capabilities::default();
        (able.embed, able.embed_input_type) = (true, self.name != MUTE);
        if self.fails.iter().any(|(name, kind)| name == model && *kind == ErrorKind::NotConfigured) {
            able.missing = Some("as generated".into());
        }
        able
    }

    async fn embed(&self, ask: Ask<'_>, request: &EmbeddingRequest) -> Result<EmbeddingReply, Error> {
        if let Some((_, kind)) = self.fails.iter().find(|(name, _)| name == ask.model()) {
            return Err(Error::new(*kind, "as generated"));
        }
        let size = request.dimensions.unwrap_or(match ask.model() {
            "text-embedding-3-small" => 1536,
            name if name.contains("nomic") => 768,
            _ => 4,
        });
        let maker = MODELS.iter().position(|model| *model == ask.model()).unwrap_or_default();
        let mut vector = vec![0.0; usize::try_from(size).unwrap()];
        let added = ask.extra_body().map_or(0, |extra| match (extra.get("task"), extra.get("model")) {
            (Some(task), _) => 1 + usize::from(task == "finding"),
            _ => 3,
        });
        let told = request.input_type.is_some() && self.name != MUTE;
        for (place, fact) in [maker, added, usize::from(told)].into_iter().enumerate() {
            vector[place] = f32::from(u8::try_from(fact).unwrap());
        }
        Ok(EmbeddingReply::new(vec![vector; request.input.len()]))
    }
}

/// The space a model of this world is truly in; a config file may put own models into one together.
fn truth(model: &str, stated: Option<&str>) -> String {
    match (stated, model) {
        (Some(stated), _) => stated.to_owned(),
        (None, name) if name.contains("nomic") => "nomic".to_owned(),
        (None, name) => name.to_owned(),
    }
}

struct World {
    config: String,
    targets: Vec<(String, String)>,
    stated: Vec<(String, &'static str)>,
    /// What the first target adds, by its place in the list.
    first_adds: usize,
    mixed: bool,
}

impl World {
    fn stated(&self, target: &str) -> Option<&'static str> {
        self.stated.iter().find(|(name, _)| name == target).map(|(_, space)| *space)
    }

    fn space(&self, target: &str) -> String {
        let (provider, model) = target.split_once('/').unwrap();
        let stated = self.stated(target);
        let own = truth(model, stated);
        // Two providers' own models of one name are two models, for all anybody knows.
        if stated.is_none() && model.starts_with("own") { format!("{provider}/{own}") } else { own }
    }
}

fn world(random: &mut Rng, mixed: bool) -> World {
    let mut world =
        World { config: String::new(), targets: Vec::new(), stated: Vec::new(), first_adds: 0, mixed };
    let mut names: Vec<String> = (0..random.usize(2..7))
        .map(|_| {
            format!("{}/{}", random.choice(["one", "two", "three"]).unwrap(), random.choice(MODELS).unwrap())
        })
        .collect();
    names.dedup();
    for provider in ["one", "two", "three"] {
        writeln!(world.config, "[providers.{provider}]\nkind = \"teller\"").unwrap();
    }
    for name in &names {
        if random.u8(..4) == 0 && !world.stated.iter().any(|(known, _)| known == name) {
            let space = *random.choice(["shared", "other"]).as_ref().unwrap();
            writeln!(world.config, "[models.\"{name}\"]\nspace = \"{space}\"").unwrap();
            world.stated.push((name.clone(), space));
        }
        let (provider, model) = name.split_once('/').unwrap();
        world.targets.push((provider.to_owned(), model.to_owned()));
    }
    writeln!(world.config, "[routes.default]\ntargets = [").unwrap();
    for (place, name) in names.iter().enumerate() {
        let other = random.choice(&names).unwrap();
        match random.u8(..6) {
            2 | 3 => {
                let adds = random.usize(1..EXTRAS.len());
                let extra = EXTRAS[adds];
                writeln!(world.config, "  {{ target = \"{name}\", extra_body = {{ {extra} }} }},").unwrap();
                if place == 0 {
                    world.first_adds = adds;
                }
            }
            0 => writeln!(world.config, "  {{ pool = [\"{name}\", \"{other}\"] }},").unwrap(),
            1 => writeln!(world.config, "  {{ target = \"{name}\", timeout = \"9s\" }},").unwrap(),
            _ => writeln!(world.config, "  \"{name}\",").unwrap(),
        }
    }
    writeln!(world.config, "]\nretry = {{ comebacks = 0 }}").unwrap();
    for rule in ["on_server", "on_quota", "on_unsupported", "on_bad_request"] {
        if random.bool() {
            let other = random.choice(&names).unwrap();
            writeln!(world.config, "{rule} = [\"{other}\"]").unwrap();
        }
    }
    if mixed {
        writeln!(world.config, "mixed_spaces = true").unwrap();
    }
    world
}

fn client(world: &World, random: &mut Rng) -> Backstop {
    let kinds = [ErrorKind::Server, ErrorKind::Quota, ErrorKind::BadRequest, ErrorKind::NotConfigured];
    let mut fails = |provider: &str| -> Vec<(String, ErrorKind)> {
        let own = world.targets.iter().filter(|(name, _)| name == provider);
        let own = own.filter(|_| random.u8(..3) > 0).collect::<Vec<_>>();
        own.into_iter().map(|(_, model)| (model.clone(), random.choice(kinds).unwrap())).collect()
    };
    let fails: Vec<_> = ["one", "two", "three"].map(|name| (name.to_owned(), fails(name))).into();
    let kind = Kind::new("teller", move |settings| {
        let of_name = fails.iter().find(|(name, _)| *name == settings.name);
        let fails = of_name.map(|(_, fails)| fails.clone()).unwrap_or_default();
        Ok(Arc::new(Teller { name: settings.name, fails }))
    });
    let registry = Registry::default().with(kind);
    let config = Config::parse("w.toml", &world.config, &registry, &Env::empty());
    let config = config.unwrap_or_else(|problems| panic!("{problems}\n{}", world.config));
    let mut builder = Backstop::builder().registry(registry).env(Env::empty());
    for setup in &config.providers {
        builder = builder.settings(setup.kind.as_str(), setup.settings.clone());
    }
    for (target, facts) in &config.facts {
        builder = builder.facts(target.as_str(), facts.clone());
    }
    config.routes.into_iter().fold(builder, BackstopBuilder::route).build().unwrap()
}

#[tokio::test]
async fn no_config_without_mixed_spaces_gives_a_vector_of_another_space_than_the_first_targets() {
    let (mut answered, mut elsewhere, mut mixed, mut kept) = (0, 0, 0, 0);
    for seed in 0..4000 {
        let mut random = Rng::with_seed(seed);
        let world = world(&mut random, seed % 10 == 0);
        let client = client(&world, &mut random);
        let mut request = EmbeddingRequest::from("text");
        request.dimensions = random.bool().then_some(64).filter(|_| random.bool());
        request.input_type = random.bool().then_some(InputType::Query);
        let purpose = request.input_type.is_some();
        let outcome = client.embed(request).await;
        let route = client.inspect();
        let first = &route[0].targets[0].target;
        let Ok(answer) = outcome else {
            kept += 1;
            continue;
        };
        let vector = &answer.embeddings[0];
        let provider = first.split_once('/').unwrap().0;
        // Whoever states the space of a target says that all of this makes no difference to it.
        let stated = world.stated(answer.target());
        let asked_alike = (vector[1] as usize, vector[2] as usize)
            == (world.first_adds, usize::from(purpose && provider != MUTE));
        let same = world.space(answer.target()) == world.space(first) && (stated.is_some() || asked_alike);
        assert!(same || world.mixed, "seed {seed}: {} for {first}\n{}", answer.target(), world.config);
        assert!(answer.space.is_some());
        answered += 1;
        elsewhere += usize::from(answer.target() != first && same);
        mixed += usize::from(!same);
    }
    // The worlds are worth something: many calls fall over inside a space, and the mixed ones out of it.
    assert!(
        answered > 500 && elsewhere > 50 && mixed > 20 && kept > 500,
        "{answered} {elsewhere} {mixed} {kept}"
    );
}
