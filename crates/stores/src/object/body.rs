//! A request's content, taken in whole and held against every digest it came with.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use md5::{Digest, Md5};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::dto::{Checksum, StreamingBlob};
use s3s::{S3Result, TrailingHeaders, s3_error};

/// Digests a client named: in headers, or in trailers behind the content.
pub(super) struct Named {
    pub(super) md5: Option<String>,
    pub(super) checksum: Checksum,
    pub(super) trailers: Option<TrailingHeaders>,
}

/// The content, and the checksums to keep with it: those that the client named, else the one that
/// S3 itself computes (CRC-64/NVME, source: Amazon S3 user guide, "Checking object integrity").
pub(super) async fn take_in(
    body: Option<StreamingBlob>,
    mut named: Named,
) -> S3Result<(Bytes, Checksum)> {
    let mut content = BytesMut::new();
    if let Some(mut body) = body {
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|error| s3_error!(IncompleteBody, "{error}"))?;
            content.extend_from_slice(&chunk);
        }
    }
    let content = content.freeze();
    if let Some(md5) = &named.md5 {
        use base64::Engine;
        let found = base64::engine::general_purpose::STANDARD.encode(Md5::digest(&content));
        if *md5 != found {
            return Err(s3_error!(
                BadDigest,
                "The Content-MD5 you specified did not match what we received."
            ));
        }
    }
    named.add_trailers();
    let found = digest(&content, &named.checksum);
    named.compare(&found)?;
    Ok((content, found))
}

impl Named {
    fn add_trailers(&mut self) {
        let Some(trailers) = &self.trailers else { return };
        let checksum = &mut self.checksum;
        trailers.read(|headers| {
            let sent = |name| {
                let value = headers.get(name).and_then(|value| value.to_str().ok());
                value.map(str::to_owned)
            };
            for (kept, name) in [
                (&mut checksum.checksum_crc32, "x-amz-checksum-crc32"),
                (&mut checksum.checksum_crc32c, "x-amz-checksum-crc32c"),
                (&mut checksum.checksum_crc64nvme, "x-amz-checksum-crc64nvme"),
                (&mut checksum.checksum_sha1, "x-amz-checksum-sha1"),
                (&mut checksum.checksum_sha256, "x-amz-checksum-sha256"),
            ] {
                *kept = sent(name).or(kept.take());
            }
        });
    }

    fn compare(&self, found: &Checksum) -> S3Result<()> {
        let named = &self.checksum;
        for (name, named, found) in [
            ("CRC32", &named.checksum_crc32, &found.checksum_crc32),
            ("CRC32C", &named.checksum_crc32c, &found.checksum_crc32c),
            ("CRC64NVME", &named.checksum_crc64nvme, &found.checksum_crc64nvme),
            ("SHA1", &named.checksum_sha1, &found.checksum_sha1),
            ("SHA256", &named.checksum_sha256, &found.checksum_sha256),
        ] {
            if named.is_some() && named != found {
                return Err(s3_error!(
                    BadDigest,
                    "The {name} you specified did not match the calculated checksum."
                ));
            }
        }
        Ok(())
    }
}

/// The digests of the same kinds as `like` has.
fn digest(content: &[u8], like: &Checksum) -> Checksum {
    let mut hasher = ChecksumHasher {
        crc32: like.checksum_crc32.as_ref().map(|_| Crc32::new()),
        crc32c: like.checksum_crc32c.as_ref().map(|_| Crc32c::new()),
        sha1: like.checksum_sha1.as_ref().map(|_| Sha1::new()),
        sha256: like.checksum_sha256.as_ref().map(|_| Sha256::new()),
        crc64nvme: like.checksum_crc64nvme.as_ref().map(|_| Crc64Nvme::new()),
    };
    if *like == Checksum::default() {
        hasher.crc64nvme = Some(Crc64Nvme::new());
    }
    hasher.update(content);
    hasher.finalize()
}
