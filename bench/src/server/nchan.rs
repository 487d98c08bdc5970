//! nginx with nchan, as Debian packages it.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Result;

use super::Started;
use crate::process::{Process, wait_for_line};

/// Its configuration; what stands between `@` is filled in.
const CONFIG: &str = include_str!("../../nchan.conf.in");

/// Where Debian installs the module.
const MODULE: &str = "/usr/lib/nginx/modules/ngx_nchan_module.so";

/// Whether it can be started here.
#[must_use]
pub fn is_installed() -> bool {
    let nginx = Command::new("nginx").arg("-v").stderr(Stdio::null()).status();
    nginx.is_ok_and(|status| status.success()) && Path::new(MODULE).exists()
}

/// Starts it so that it keeps so many messages.
pub(super) fn start(folder: &Path, messages: u64) -> Result<Started> {
    // nginx cannot choose a port of its own. Between here and its start somebody else could take it;
    // the run then fails and says so.
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let config = CONFIG
        .replace("@MESSAGES@", &messages.to_string())
        .replace("@PORT@", &address.port().to_string())
        .replace("@FOLDER@", &folder.display().to_string());
    let file = folder.join("nginx.conf");
    fs::write(&file, config)?;
    let mut command = Command::new("nginx");
    command.arg("-p").arg(folder).arg("-c").arg(&file).stderr(fs::File::create(folder.join("errors"))?);
    let mut process = Process::start(&mut command)?;
    wait_for_line(&mut process, &folder.join("error.log"), |_| TcpStream::connect(address).ok())?;
    Ok((process, address, address))
}
