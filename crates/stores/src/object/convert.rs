//! Between S3's words and ours: refusals, conditions, ranges, and the fields that many operations
//! share.

use bytes::Bytes;
use jiff::Timestamp;
use s3s::dto::{ETag, ETagCondition, IfMatch, IfNoneMatch, Range};
use s3s::{S3Response, S3Result, s3_error};

use super::buckets::{Condition, Object, Rejected};

/// The [`About`](super::buckets::About) of an operation's input.
macro_rules! about {
    ($input:ident) => {
        $crate::object::buckets::About {
            content_type: $input.content_type,
            cache_control: $input.cache_control,
            content_disposition: $input.content_disposition,
            content_encoding: $input.content_encoding,
            content_language: $input.content_language,
            metadata: $input.metadata,
        }
    };
}

/// The digests that an upload's input names.
macro_rules! named {
    ($input:ident, $trailers:expr) => {
        $crate::object::body::Named {
            md5: $input.content_md5,
            checksum: s3s::dto::Checksum {
                checksum_crc32: $input.checksum_crc32,
                checksum_crc32c: $input.checksum_crc32c,
                checksum_crc64nvme: $input.checksum_crc64nvme,
                checksum_sha1: $input.checksum_sha1,
                checksum_sha256: $input.checksum_sha256,
                checksum_type: None,
            },
            trailers: $trailers,
        }
    };
}

/// An output with these fields and this checksum.
macro_rules! with_checksum {
    ($checksum:expr, $output:ident { $($field:ident: $value:expr),* $(,)? }) => {{
        let checksum: s3s::dto::Checksum = $checksum;
        $output {
            $($field: $value,)*
            checksum_crc32: checksum.checksum_crc32,
            checksum_crc32c: checksum.checksum_crc32c,
            checksum_crc64nvme: checksum.checksum_crc64nvme,
            checksum_sha1: checksum.checksum_sha1,
            checksum_sha256: checksum.checksum_sha256,
            ..$output::default()
        }
    }};
}

pub(super) use {about, named, with_checksum};

impl From<Rejected> for s3s::S3Error {
    fn from(rejected: Rejected) -> Self {
        match rejected {
            Rejected::NoSuchBucket => {
                s3_error!(NoSuchBucket, "The specified bucket does not exist")
            }
            Rejected::NoSuchKey => s3_error!(NoSuchKey, "The specified key does not exist."),
            Rejected::NoSuchUpload => s3_error!(
                NoSuchUpload,
                "The specified upload does not exist. The upload ID may be invalid, or the upload \
                 may have been aborted or completed."
            ),
            Rejected::BucketExists => s3_error!(
                BucketAlreadyOwnedByYou,
                "Your previous request to create the named bucket succeeded and you already own it."
            ),
            Rejected::BucketNotEmpty => {
                s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty")
            }
            Rejected::PreconditionFailed => s3_error!(
                PreconditionFailed,
                "At least one of the pre-conditions you specified did not hold"
            ),
            Rejected::InvalidPart => s3_error!(
                InvalidPart,
                "One or more of the specified parts could not be found. The part may not have been \
                 uploaded, or the specified entity tag may not match the part's entity tag."
            ),
            Rejected::Full => s3_error!(
                EntityTooLarge,
                "The embedded object store is full: it keeps what it holds in memory"
            ),
        }
    }
}

pub(super) fn timestamp(at: Timestamp) -> s3s::dto::Timestamp {
    std::time::SystemTime::from(at).into()
}

pub(super) fn answer<T>(output: T) -> S3Result<S3Response<T>> {
    Ok(S3Response::new(output))
}

pub(super) fn tag(object: &Object) -> Option<ETag> {
    Some(ETag::Strong(object.etag.clone()))
}

/// The condition of a write.
pub(super) fn condition(
    if_match: Option<IfMatch>,
    if_none_match: Option<IfNoneMatch>,
) -> S3Result<Condition> {
    match (if_match, if_none_match) {
        (None, None) => Ok(Condition::Nothing),
        (Some(ETagCondition::Any), None) => Ok(Condition::Present),
        (Some(ETagCondition::ETag(etag)), None) => Ok(Condition::Is(etag.value().to_owned())),
        (None, Some(ETagCondition::Any)) => Ok(Condition::Absent),
        _ => Err(s3_error!(
            NotImplemented,
            "A header you provided implies functionality that is not implemented"
        )),
    }
}

/// Whether a reader wants this version of the object.
pub(super) fn wanted(
    object: &Object,
    if_match: &Option<IfMatch>,
    if_none_match: &Option<IfNoneMatch>,
) -> S3Result<()> {
    let is_this = |condition: &ETagCondition| match condition {
        ETagCondition::Any => true,
        ETagCondition::ETag(etag) => etag.value() == object.etag,
    };
    if if_match.as_ref().is_some_and(|condition| !is_this(condition)) {
        return Err(Rejected::PreconditionFailed.into());
    }
    if if_none_match.as_ref().is_some_and(is_this) {
        return Err(s3_error!(NotModified));
    }
    Ok(())
}

/// The asked part of the content, and what `Content-Range` says of it.
pub(super) fn cut(object: &Object, range: Option<Range>) -> S3Result<(Bytes, Option<String>)> {
    let Some(range) = range else { return Ok((object.bytes.clone(), None)) };
    let length = object.bytes.len() as u64;
    let range = range
        .check(length)
        .map_err(|_| s3_error!(InvalidRange, "The requested range is not satisfiable"))?;
    let said = format!("bytes {}-{}/{length}", range.start, range.end - 1);
    Ok((object.bytes.slice(range.start as usize..range.end as usize), Some(said)))
}
