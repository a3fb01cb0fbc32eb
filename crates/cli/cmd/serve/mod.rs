//! `facekp serve`: a local page that shows what the networks find in photos, and corrects annotations.

mod album;
mod assets;
mod counter;
mod gate;
mod http;
mod networks;
mod photos;
mod request;
mod routes;

use crate::{interrupt, output::say, shared_args::DeviceArg};
use album::Album;
use anyhow::{Context, Result};
use counter::Counter;
use gate::Gate;
use http::Connection;
use networks::Networks;
use request::Failure;
use routes::Site;
use std::{
    net::{Ipv4Addr, TcpListener, TcpStream},
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Arguments of the command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: facekp serve --data my-faces --weights face68")]
pub(crate) struct Args {
    /// The port on 127.0.0.1; 0 takes one that is free.
    #[arg(long, value_name = "N", default_value_t = 8068)]
    port: u16,
    /// The network that is chosen at first: a weights file, a run folder, or a name in weights/ or runs/ [default:
    /// face68, else ibug68_heatmap_128].
    #[arg(long, value_name = "W")]
    weights: Option<String>,
    /// A dataset to look through and to correct, or a folder of pictures to annotate.
    #[arg(long, value_name = "DIR", help_heading = "Data")]
    data: Option<PathBuf>,
    #[command(flatten)]
    device: DeviceArg,
}

/// Connections at a time: one that is slow has a thread to itself, and more are refused.
const MOST_CONNECTIONS: usize = 64;
/// How long answers in the making are waited for at the end.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) fn run(a: &Args) -> Result<()> {
    let networks = Networks::open(a.weights.as_deref(), a.device.open()?)?;
    let album = a.data.as_deref().map(|dir| Album::open(dir, &networks)).transpose()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, a.port))
        .with_context(|| format!("cannot listen on 127.0.0.1:{} (--port 0 takes one that is free)", a.port))?;
    let address = listener.local_addr()?;
    let gate = Gate::new(address.port(), assets::is_public)?;
    let stopped = Arc::new(AtomicBool::new(false));
    let stop = {
        let stopped = Arc::clone(&stopped);
        move || {
            if stopped.swap(true, Ordering::Relaxed) {
                std::process::exit(interrupt::STATUS.into());
            }
            // the loop below waits for a connection
            TcpStream::connect(address).ok();
        }
    };
    ctrlc::set_handler(stop).context("Ctrl-C: expected to be told of it")?;
    say(&gate.address())?;
    tracing::info!("open this address in a browser; Ctrl-C ends it");
    accept(&listener, &Arc::new(Site { gate, networks, album, working: Counter::default() }), &stopped);
    Ok(())
}

/// Answers until `stopped`, each connection in a thread of its own.
fn accept(listener: &TcpListener, site: &Arc<Site>, stopped: &AtomicBool) {
    let open = Counter::default();
    for stream in listener.incoming() {
        if stopped.load(Ordering::Relaxed) {
            break;
        }
        let mut connection = match stream {
            Ok(stream) => Connection::new(stream),
            Err(e) => {
                // such as too many open files, which pass
                tracing::warn!("a connection failed: {e}");
                thread::sleep(PAUSE);
                continue;
            }
        };
        if open.get() >= MOST_CONNECTIONS {
            let most = format!("expected at most {MOST_CONNECTIONS} connections at a time");
            connection.send(&Failure::new(503, most).into()).ok();
            continue;
        }
        let (counted, site) = (open.add(), Arc::clone(site));
        let serve = move || {
            let _counted = counted;
            site.serve(connection);
        };
        if let Err(e) = thread::Builder::new().name("connection".into()).spawn(serve) {
            tracing::warn!("a connection got no thread: {e}");
        }
    }
    let end = Instant::now() + PATIENCE;
    while site.working.get() > 0 && Instant::now() < end {
        thread::sleep(PAUSE);
    }
}
