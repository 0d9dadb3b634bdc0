//! Where the server is: a URL with a password in it that nobody sees.

use std::path::PathBuf;
use std::time::Duration;

use percent_encoding::percent_decode_str;
use secrecy::{ExposeSecret, SecretString};
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

use super::tls::Trust;
use crate::error::{Error, ErrorKind, Result, known_names};

/// How long one host may take to accept a connection, unless the URL says it.
const CONNECT: Duration = Duration::from_secs(10);

/// What a URL may say behind the `?`.
const OPTIONS: &[&str] = &[
    "application_name",
    "channel_binding",
    "connect_timeout",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "load_balance_hosts",
    "options",
    "sslmode",
    "sslnegotiation",
    "sslrootcert",
    "target_session_attrs",
    "tcp_user_timeout",
];

/// Where the log is.
pub(super) struct Address {
    url: SecretString,
    pub(super) schema: String,
}

/// An address that has been read.
pub(super) struct Target {
    pub(super) config: Config,
    pub(super) trust: Trust,
    /// The hosts with their ports.
    pub(super) hosts: String,
    pub(super) user: String,
    pub(super) database: String,
}

impl Address {
    pub(super) fn new(url: String) -> Self {
        Self { url: SecretString::from(url), schema: "lakewright".to_owned() }
    }

    /// The address as it may be shown.
    pub(super) fn shown(&self) -> String {
        match self.target() {
            Ok(Target { hosts, user, database, .. }) => format!("postgres://{user}@{hosts}/{database}, schema `{}`", self.schema),
            Err(_) => format!("postgres://[redacted], schema `{}`", self.schema),
        }
    }

    /// The name of the schema as it stands in SQL.
    pub(super) fn quoted_schema(&self) -> String {
        format!("\"{}\"", self.schema.replace('"', "\"\""))
    }

    /// Reads the address. What is wrong with it is never told with a part of it, which may be one of the password.
    pub(super) fn target(&self) -> Result<Target> {
        let wrong = |message: &str| {
            let help = "write `postgres://user:password@host:5432/database`, in the password `%40` for `@`, `%2F` for `/`, `%3F` \
                        for `?`, `%25` for `%`";
            Error::new(ErrorKind::Config, message).help(help)
        };
        if self.schema.is_empty() || self.schema.len() > 63 || self.schema.contains('\0') {
            let help = "a schema is named by 1 to 63 bytes";
            return Err(Error::new(ErrorKind::Config, format!("`{}` cannot be the schema of the log", self.schema)).help(help));
        }
        let url = self.url.expose_secret();
        if !url.starts_with("postgres://") && !url.starts_with("postgresql://") {
            return Err(wrong("the URL of the log does not begin with `postgres://`"));
        }
        let (base, options) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut root, mut rest) = (None, None, Vec::new());
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            match name {
                "sslmode" => mode = Some(value),
                "sslrootcert" => root = Some(PathBuf::from(percent_decode_str(value).decode_utf8_lossy().into_owned())),
                known if OPTIONS.contains(&known) => rest.push(option),
                _ => {
                    let help = known_names("", "options", OPTIONS.iter().copied());
                    return Err(wrong("the URL of the log has an option that is none").help(help));
                }
            }
        }
        let trust = match mode {
            Some("disable") => Trust::Plain,
            None | Some("allow" | "prefer" | "require") if root.is_none() => Trust::Anybody,
            None | Some("allow" | "prefer" | "require" | "verify-ca" | "verify-full") => Trust::Known(root),
            Some(_) => {
                let help = "`sslmode` is one of `disable`, `prefer`, `require` and `verify-full`";
                return Err(wrong("the URL of the log has an `sslmode` that is none").help(help));
            }
        };
        // Whoever names an option means it, also where that leaves it to the system.
        let named = |name: &str| rest.iter().any(|option| option.split_once('=').map_or(*option, |(known, _)| known) == name);
        let plain = if rest.is_empty() { base.to_owned() } else { format!("{base}?{}", rest.join("&")) };
        let mut config: Config = plain.parse().map_err(|_| wrong("the URL of the log cannot be read"))?;
        if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
            return Err(wrong("the URL of the log names no host"));
        }
        config.ssl_mode(match (&trust, mode) {
            (Trust::Plain, _) => SslMode::Disable,
            (Trust::Anybody, None | Some("allow" | "prefer")) => SslMode::Prefer,
            (Trust::Anybody | Trust::Known(_), _) => SslMode::Require,
        });
        if !named("connect_timeout") {
            config.connect_timeout(CONNECT);
        }
        if !named("application_name") {
            config.application_name("lakewright");
        }
        if !named("target_session_attrs") {
            // Of several hosts the one that may be written to; and one that may not is refused before anything is tried.
            config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        }
        // A peer that is gone without a word is noticed within a minute.
        if !named("keepalives_idle") {
            config.keepalives_idle(Duration::from_secs(20));
        }
        if !named("keepalives_interval") {
            config.keepalives_interval(Duration::from_secs(10));
        }
        if !named("keepalives_retries") {
            config.keepalives_retries(3);
        }
        if !named("tcp_user_timeout") {
            config.tcp_user_timeout(Duration::from_mins(1));
        }
        let user = config.get_user().map_or_else(|| "(the user of the system)".to_owned(), str::to_owned);
        let database = config.get_dbname().map_or_else(|| user.clone(), str::to_owned);
        Ok(Target { hosts: hosts(&config), trust, user, database, config })
    }
}

/// The hosts with their ports, as one would write them.
fn hosts(config: &Config) -> String {
    let ports = config.get_ports();
    let port = |at: usize| ports.get(at).or(ports.first()).copied().unwrap_or(5432);
    let named = config.get_hosts().iter().enumerate().map(|(at, host)| match host {
        Host::Tcp(name) => format!("{name}:{}", port(at)),
        #[cfg(unix)]
        Host::Unix(path) => format!("{}:{}", path.display(), port(at)),
    });
    let named: Vec<String> = named.collect();
    if named.is_empty() {
        let numbered = config.get_hostaddrs().iter().enumerate().map(|(at, address)| format!("{address}:{}", port(at)));
        return numbered.collect::<Vec<_>>().join(",");
    }
    named.join(",")
}

/// How many connections may have to be tried.
pub(super) fn tries(config: &Config) -> u32 {
    u32::try_from(config.get_hosts().len().max(config.get_hostaddrs().len())).unwrap_or(u32::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(options: &str) -> Config {
        Address::new(format!("postgres://me@host/db{options}")).target().map(|target| target.config).unwrap()
    }

    #[test]
    fn what_the_url_says_is_not_said_otherwise() {
        let own = config("");
        let kept = |config: &Config| {
            let (idle, interval) = (config.get_keepalives_idle(), config.get_keepalives_interval());
            (idle, interval, config.get_keepalives_retries(), config.get_tcp_user_timeout().copied())
        };
        let second = Duration::from_secs;
        assert_eq!(kept(&own), (second(20), Some(second(10)), Some(3), Some(second(60))));
        let said = config("?keepalives_idle=5&keepalives_interval=4&keepalives_retries=9&tcp_user_timeout=7&connect_timeout=2");
        assert_eq!(kept(&said), (second(5), Some(second(4)), Some(9), Some(second(7))));
        assert_eq!(said.get_connect_timeout(), Some(&second(2)));
        // Each on its own; and what is named as none is none.
        assert_eq!(kept(&config("?keepalives_interval=4")), (second(20), Some(second(4)), Some(3), Some(second(60))));
        assert_eq!(config("?tcp_user_timeout=0").get_tcp_user_timeout(), None);
        assert_eq!((own.get_target_session_attrs(), own.get_connect_timeout()), (TargetSessionAttrs::ReadWrite, Some(&CONNECT)));
        assert_eq!(config("?target_session_attrs=any").get_target_session_attrs(), TargetSessionAttrs::Any);
        assert_eq!(config("?application_name=shop").get_application_name(), Some("shop"));
    }
}
