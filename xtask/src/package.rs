//! `package`: what people get from a registry holds what it should and compiles by itself.
//!
//! Cargo would verify each package alone, with its default features and without the profiles of this workspace: minutes of
//! building every dependency again, and none of the providers that are behind features. Here all packages are unpacked
//! into one workspace that patches the registry with them, and are built once, with every feature that is not heavy,
//! under the same profiles and into the same target folder as everything else.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::args::Args;
use crate::cargo;
use crate::failure::{Failure, Result, doing};
use crate::metadata::{self, Package};

/// What every package holds as it stands in the root: users are owed the licences, wherever they got the code.
const LICENCES: &[&str] = &["LICENSE-APACHE", "LICENSE-MIT"];

/// What a registry shows of a package.
const README: &str = "README.md";

/// `cargo xtask package`.
pub(crate) fn run(args: Args) -> Result {
    args.finish()?;
    check()
}

/// Makes the packages of all crates that are published, looks into them and builds them.
pub(crate) fn check() -> Result {
    let packages = published()?;
    let target = metadata::target_directory()?;
    pack(&packages)?;
    let place = target.join("xtask").join("packages");
    if place.exists() {
        std::fs::remove_dir_all(&place).map_err(doing(place.display()))?;
    }
    std::fs::create_dir_all(&place).map_err(doing(place.display()))?;
    let root = cargo::root();
    let mut findings = Vec::new();
    for package in &packages {
        unpack(&target.join("package").join(format!("{}.crate", folder(package))), &place)?;
        findings.extend(lacks(package, &place.join(folder(package)), &root));
    }
    Failure::unless_empty("packages", &findings)?;

    let profiles = profiles(&read(&root.join("Cargo.toml"))?);
    let manifest = place.join("Cargo.toml");
    std::fs::write(&manifest, workspace(&packages, &profiles)).map_err(doing(manifest.display()))?;
    std::fs::copy(root.join("Cargo.lock"), place.join("Cargo.lock")).map_err(doing("Cargo.lock"))?;
    let (manifest, target) = (manifest.to_string_lossy(), target.to_string_lossy());
    let features = metadata::light(&packages).join(",");
    cargo::run(&[
        "build",
        "--workspace",
        "--manifest-path",
        &manifest,
        "--target-dir",
        &target,
        "--features",
        &features,
    ])?;
    println!("{} packages hold their licences and a README, and compile from what they hold", packages.len());
    Ok(())
}

/// The packages that are meant for a registry.
pub(crate) fn published() -> Result<Vec<Package>> {
    Ok(metadata::workspace()?.into_iter().filter(|package| package.publishable).collect())
}

/// Packs them into the target folder, unbuilt; returns what cargo had to say.
pub(crate) fn pack(packages: &[Package]) -> Result<String> {
    // A checkout with changes in it is the usual case on a desk, and what is packaged is what lies there.
    let mut words = vec!["package", "--no-verify", "--allow-dirty", "--locked"];
    words.extend(packages.iter().flat_map(|package| ["--package", &package.name]));
    cargo::captured(&words).map(|(_, said)| said)
}

/// The folder inside a package, and its name without the ending.
fn folder(package: &Package) -> String {
    format!("{}-{}", package.name, package.version)
}

fn read(path: &Path) -> Result<String> {
    std::fs::read_to_string(path).map_err(doing(path.display()))
}

/// A package is a compressed tar; cargo has no command that unpacks one without building it. The files are as new as
/// their unpacking: all dates in a package are the same, and cargo would take a changed file for one it has built.
fn unpack(archive: &Path, place: &Path) -> Result {
    let mut tar = Command::new("tar");
    tar.arg("-xzmf").arg(archive).arg("-C").arg(place);
    cargo::run_with(tar, &format!("tar -xzmf {}", archive.display()))
}

/// Where texts are looked up by name.
trait Files {
    fn text(&self, name: &str) -> Option<String>;
}

impl Files for PathBuf {
    fn text(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.join(name)).ok()
    }
}

/// What a package lacks: `holds` are its files, and `root` those of the workspace.
fn lacks(package: &Package, holds: &dyn Files, root: &dyn Files) -> Vec<String> {
    let name = &package.name;
    let mut findings = Vec::new();
    // Compared and not only looked for: where git cannot make links, the file holds a path instead of a licence.
    for licence in LICENCES {
        match (holds.text(licence), root.text(licence)) {
            (Some(held), Some(ours)) if held == ours => {}
            (Some(_), _) => findings.push(format!("{name}: its {licence} is not the {licence} of the root")),
            (None, _) => findings.push(format!("{name}: no {licence}; link it: ln -s ../../{licence}")),
        }
    }
    if !holds.text(README).is_some_and(|text| text.starts_with(&format!("# {name}\n"))) {
        findings.push(format!("{name}: no {README} that begins with `# {name}`"));
    }
    for (what, given) in
        [("description", &package.description), ("license", &package.license), ("readme", &package.readme)]
    {
        if given.as_deref().is_none_or(str::is_empty) {
            findings.push(format!("{name}: no `{what}` in its Cargo.toml"));
        }
    }
    findings
}

/// The manifest of a workspace of the unpacked packages, in which they depend on one another.
fn workspace(packages: &[Package], profiles: &str) -> String {
    let members: Vec<String> = packages.iter().map(|package| format!("{:?}", folder(package))).collect();
    let mut text = format!("[workspace]\nresolver = \"3\"\nmembers = [{}]\n", members.join(", "));
    text.push_str("\n[patch.crates-io]\n");
    for package in packages {
        text.push_str(&format!("{} = {{ path = {:?} }}\n", package.name, folder(package)));
    }
    format!("{text}\n{profiles}")
}

/// The tables of a manifest that say how to build: with others, no dependency that is built already could be used.
fn profiles(manifest: &str) -> String {
    let mut inside = false;
    let mut text = String::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            inside = line.starts_with("[profile.");
        }
        if inside {
            text.push_str(line);
            text.push('\n');
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str) -> Package {
        let some = |text: &str| Some(text.to_owned());
        Package {
            name: name.to_owned(),
            version: "0.1.0".to_owned(),
            license: some("MIT"),
            description: some("Does it"),
            readme: some(README),
            publishable: true,
            ..Package::default()
        }
    }

    impl<const N: usize> Files for [(&str, &str); N] {
        fn text(&self, name: &str) -> Option<String> {
            self.iter().find(|(file, _)| *file == name).map(|(_, text)| (*text).to_owned())
        }
    }

    const ROOT: [(&str, &str); 2] = [("LICENSE-MIT", "mit"), ("LICENSE-APACHE", "apache")];

    #[test]
    fn a_package_with_licences_and_a_readme_lacks_nothing() {
        let holds = [ROOT[0], ROOT[1], (README, "# p\n")];
        assert_eq!(lacks(&package("p"), &holds, &ROOT), Vec::<String>::new());
    }

    #[test]
    fn a_missing_file_a_link_that_is_none_and_a_bare_manifest_are_told() {
        let holds = [("LICENSE-MIT", "../../LICENSE-MIT"), (README, "# other\n")];
        let bare = Package { description: None, readme: None, ..package("p") };
        assert_eq!(
            lacks(&bare, &holds, &ROOT),
            [
                "p: no LICENSE-APACHE; link it: ln -s ../../LICENSE-APACHE",
                "p: its LICENSE-MIT is not the LICENSE-MIT of the root",
                "p: no README.md that begins with `# p`",
                "p: no `description` in its Cargo.toml",
                "p: no `readme` in its Cargo.toml",
            ]
        );
    }

    #[test]
    fn the_workspace_of_packages_takes_each_from_beside_it() {
        let text = workspace(&[package("p"), package("q")], "[profile.dev]\n");
        assert_eq!(
            text,
            "[workspace]\nresolver = \"3\"\nmembers = [\"p-0.1.0\", \"q-0.1.0\"]\n\n[patch.crates-io]\n\
             p = { path = \"p-0.1.0\" }\nq = { path = \"q-0.1.0\" }\n\n[profile.dev]\n"
        );
    }

    #[test]
    fn profiles_are_taken_and_nothing_else() {
        let manifest = "[workspace]\na = 1\n[profile.dev]\ndebug = 1\n[lints]\nb = 2\n[profile.x]\nc = 3\n";
        assert_eq!(profiles(manifest), "[profile.dev]\ndebug = 1\n[profile.x]\nc = 3\n");
    }
}
