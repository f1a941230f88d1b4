//! The builds' sources, as they lie in `services/`.

use gearshift_gear::RowVariables;

/// A source file: its name in an entry and its content.
pub(crate) type Source = (&'static str, &'static [u8]);

const PAGE: &[u8] = include_bytes!("../../../services/hits/src/page.html");

/// What every build serves besides counting, beside its code.
const SHARED: [Source; 3] = [
    ("page.html", PAGE),
    ("openapi.json", include_bytes!("../../../services/hits/src/openapi.json")),
    ("docs.html", include_bytes!("../../../services/hits/src/docs.html")),
];

macro_rules! sources {
    ($directory:literal, $($name:literal),+ $(,)?) => {
        &[$((
            $name,
            include_bytes!(concat!("../../../services/", $directory, "/", $name)),
        )),+]
    };
}

/// Code and lock file of the Python function.
pub(crate) const PYTHON: &[Source] = sources!(
    "functions/python",
    "app.py",
    "aws.py",
    "bucket.py",
    "requirements.txt",
    "routes.py",
    "settings.py",
    "store.py",
    "table.py",
);

/// Code and lock files of the JavaScript function, and our own runtime client.
pub(crate) const JAVASCRIPT: &[Source] = sources!(
    "functions/javascript",
    "app.mjs",
    "aws.mjs",
    "bootstrap.mjs",
    "bootstrap.sh",
    "package-lock.json",
    "package.json",
    "routes.mjs",
    "settings.mjs",
    "store.mjs",
    "table.mjs",
);

/// Code of the C++ function, our own runtime client, and what its libraries need.
pub(crate) const CPP: &[Source] = sources!(
    "functions/cpp",
    "answer.cpp",
    "answer.hpp",
    "aws.cpp",
    "aws.hpp",
    "burn.cpp",
    "burn.hpp",
    "curl-config/curl_config.h",
    "event.cpp",
    "event.hpp",
    "fallback/aws/lambda-runtime/runtime.h",
    "function.cpp",
    "function.hpp",
    "main.cpp",
    "nlohmann/json.hpp",
    "routes.cpp",
    "routes.hpp",
    "settings.cpp",
    "settings.hpp",
    "signature.cpp",
    "signature.hpp",
    "store.cpp",
    "store.hpp",
);

/// Code and lock file of the FastAPI build.
pub(crate) const FASTAPI: &[Source] = sources!(
    "peers/fastapi",
    "app.py",
    "counter_file.py",
    "main.py",
    "problem.py",
    "requirements.txt",
    "settings.py",
    "store.py",
);

/// A recipe's own sources and the shared ones.
pub(crate) fn with_shared(own: &[Source]) -> Vec<Source> {
    own.iter().chain(&SHARED).copied().collect()
}

/// The page that `GET /` shows.
pub(crate) fn page() -> String {
    String::from_utf8_lossy(PAGE).into_owned()
}

/// The shared ones.
pub(crate) fn shared() -> &'static [Source] {
    &SHARED
}

/// The variables by which every build of the built-in service is told where it counts.
pub(crate) fn told_in() -> Option<Box<RowVariables>> {
    let name = |name: &str| Some(name.to_owned());
    Some(Box::new(RowVariables {
        table: name("HITS_TABLE"),
        bucket: name("HITS_BUCKET"),
        file: name("HITS_FILE"),
        client_per_call: Some(("HITS_INIT".to_owned(), "per-call".to_owned())),
    }))
}
