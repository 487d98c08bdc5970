//! Programs that come with the system: installed through apt where that is allowed, else asked for.

use anyhow::{Context, Result, bail};

use crate::shell::{program, query, run, say};

/// Something the system must have.
pub(crate) struct Need {
    what: &'static str,
    packages: &'static [&'static str],
    present: fn() -> Result<bool>,
}

/// Where Debian keeps the Go client's source.
pub(super) const GO_CLIENT_SOURCE: &str = "/usr/share/gocode/src/github.com/fluent/fluent-logger-golang";

/// Both kinds of tests run it.
const NODE: Need = Need {
    what: "node and npm",
    packages: &["nodejs", "npm"],
    present: || Ok(answers("node", &["--version"])? && answers("npm", &["--version"])?),
};

/// What the tests in a browser need.
pub(crate) const BROWSER_NEEDS: [Need; 2] = [
    NODE,
    Need {
        what: "chromium",
        packages: &["chromium"],
        present: || Ok(std::path::Path::new("/usr/bin/chromium").is_file()),
    },
];

/// Stands between a program and the system's clock, so that tests can set it.
fn faketime() -> Result<bool> {
    let Ok(folders) = std::fs::read_dir("/usr/lib") else { return Ok(false) };
    let mut libraries = folders.flatten().map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"));
    Ok(libraries.any(|library| library.is_file()))
}

pub(crate) const NEEDS: [Need; 7] = [
    Need { what: "ip", packages: &["iproute2"], present: || answers("ip", &["-V"]) },
    Need { what: "libfaketime", packages: &["libfaketime"], present: faketime },
    Need { what: "curl", packages: &["curl"], present: || answers("curl", &["--version"]) },
    Need {
        what: "python3 with venv",
        packages: &["python3", "python3-venv"],
        present: || answers("python3", &["-c", "import ensurepip, venv"]),
    },
    NODE,
    Need { what: "go", packages: &["golang-go"], present: || answers("go", &["version"]) },
    Need {
        what: "Fluentd's client for Go",
        packages: &["golang-github-fluent-fluent-logger-golang-dev"],
        present: || Ok(std::path::Path::new(GO_CLIENT_SOURCE).is_dir()),
    },
];

/// Makes all of them present, or says exactly what is missing and how to install it.
pub(crate) fn require(needs: &[Need]) -> Result<()> {
    let missing = missing(needs)?;
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.iter().map(|need| need.what).collect::<Vec<_>>().join(", ");
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages).copied().collect();
    say(&format!("missing: {names}"));
    if !may_install()? {
        bail!(
            "the tests need {names}; as root on Debian: apt-get install --no-install-recommends {}",
            packages.join(" ")
        );
    }
    apt_install(&packages)?;
    let still: Vec<&str> = self::missing(needs)?.iter().map(|need| need.what).collect();
    if !still.is_empty() {
        bail!("installed {}, but still missing: {}", packages.join(" "), still.join(", "));
    }
    Ok(())
}

fn missing(needs: &[Need]) -> Result<Vec<&Need>> {
    let mut missing = Vec::new();
    for need in needs {
        if !(need.present)().with_context(|| format!("cannot look for {}", need.what))? {
            missing.push(need);
        }
    }
    Ok(missing)
}

fn answers(name: &str, arguments: &[&str]) -> Result<bool> {
    Ok(query(program(name).args(arguments))?.is_some())
}

fn may_install() -> Result<bool> {
    let root = query(program("id").arg("-u"))?.is_some_and(|user| user.trim() == "0");
    Ok(root && answers("apt-get", &["--version"])?)
}

fn apt_install(packages: &[&str]) -> Result<()> {
    // A fresh container image has no package lists.
    if query(program("apt-cache").arg("show").args(packages))?.is_none() {
        run(program("apt-get").args(["update", "-qq"]))?;
    }
    run(program("apt-get")
        .env("DEBIAN_FRONTEND", "noninteractive")
        .args(["install", "-y", "-qq", "--no-install-recommends"])
        .args(packages))
}
