//! A copy of the baseline in S3, for a container whose disk may vanish: put there on a schedule, taken from there where no baseline lies on the disk.
//!
//! A copy carries the SHA-256 of its bytes as metadata, and nothing that doesn't have it comes back. What is taken is written beside its place and renamed there once it
//! is whole and right, so half a download is never a baseline. Parts are put one after the other: memory is one part, whatever the baseline's size.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, anyhow, bail, ensure};
use aws_config::SdkConfig;
use aws_sdk_s3::{
    Client,
    error::{DisplayErrorContext, ProvideErrorMetadata, SdkError},
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart, ServerSideEncryption},
};
use offtrail_sources::Source;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt as _};

/// Bytes of a part; a smaller baseline is put in one request.
pub(crate) const PART_BYTES: u64 = 16 << 20;
/// Parts that S3 takes of one object.
pub(crate) const PARTS_MAX: u64 = 10_000;
/// Bytes of a copy that is taken, at most (64 GiB).
pub(crate) const COPY_BYTES_MAX: u64 = 64 << 30;
/// The metadata that holds the digest; S3 puts `x-amz-meta-` before it.
const DIGEST_KEY: &str = "offtrail-sha256";

/// How copies are put.
#[derive(Clone, Debug, Default)]
pub(crate) struct CopySettings {
    /// The KMS key to encrypt them with; `None`: as the bucket does by default.
    pub(crate) kms_key: Option<String>,
    /// Whether the bucket is named in the path, not in the host.
    pub(crate) path_style: bool,
}

/// Where copies lie.
#[derive(Clone, Debug)]
pub(crate) struct BaselineCopy {
    client: Client,
    bucket: String,
    key: String,
    kms_key: Option<String>,
    part_bytes: u64,
}

/// A copy as it was put or taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Copied {
    /// Its size.
    pub(crate) bytes: u64,
    /// Its digest, in lower-case hexadecimal.
    pub(crate) sha256: String,
}

/// What came of looking for a copy to start from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// A baseline lies on the disk: it is the newer one, and nothing was asked.
    OnDisk,
    /// There is neither a baseline nor a copy.
    Nothing,
    /// The copy lies where the baseline is looked for.
    Taken(Copied),
}

impl BaselineCopy {
    /// The place `url` (`s3://BUCKET/KEY`), reached as `aws` says. Asks nothing yet.
    ///
    /// # Errors
    /// The URL names no object.
    pub(crate) fn new(url: &str, aws: &SdkConfig, settings: CopySettings) -> anyhow::Result<Self> {
        let (bucket, key) = match Source::parse(url) {
            Ok(Source::S3 { bucket, prefix }) if !prefix.is_empty() && !prefix.ends_with('/') => {
                (bucket, prefix)
            }
            _ => bail!("copy the baseline to {url:?}: no object; write s3://BUCKET/KEY"),
        };
        let config = aws_sdk_s3::config::Builder::from(aws)
            .force_path_style(settings.path_style)
            .build();
        Ok(Self {
            client: Client::from_conf(config),
            bucket,
            key,
            kms_key: settings.kms_key,
            part_bytes: PART_BYTES,
        })
    }

    fn url(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }

    /// Puts the file there. It must not change meanwhile: give a snapshot, not the baseline that is being written.
    ///
    /// # Errors
    /// The file can't be read or changed under way, or S3 refuses. The copy that was there stays.
    pub(crate) async fn put(&self, path: &Path) -> anyhow::Result<Copied> {
        let doing = || format!("copy {} to {}", path.display(), self.url());
        let copied = digest(path, self.part_bytes).await.with_context(doing)?;
        if copied.bytes <= self.part_bytes {
            self.put_whole(path, &copied).await.with_context(doing)?;
        } else {
            self.put_parts(path, &copied).await.with_context(doing)?;
        }
        Ok(copied)
    }

    fn encryption(&self) -> Option<ServerSideEncryption> {
        self.kms_key
            .is_some()
            .then_some(ServerSideEncryption::AwsKms)
    }

    async fn put_whole(&self, path: &Path, copied: &Copied) -> anyhow::Result<()> {
        let mut file = tokio::fs::File::open(path).await?;
        let body = part(&mut file, self.part_bytes + 1).await?;
        ensure!(
            hexadecimal(&Sha256::digest(&body)) == copied.sha256,
            CHANGED
        );
        self.client
            .put_object()
            .bucket(&self.bucket)
            .key(&self.key)
            .metadata(DIGEST_KEY, &copied.sha256)
            .set_server_side_encryption(self.encryption())
            .set_ssekms_key_id(self.kms_key.clone())
            .body(ByteStream::from(body))
            .send()
            .await
            .map_err(|error| refused(&error))?;
        Ok(())
    }

    async fn put_parts(&self, path: &Path, copied: &Copied) -> anyhow::Result<()> {
        let begun = self
            .client
            .create_multipart_upload()
            .bucket(&self.bucket)
            .key(&self.key)
            .metadata(DIGEST_KEY, &copied.sha256)
            .set_server_side_encryption(self.encryption())
            .set_ssekms_key_id(self.kms_key.clone())
            .send()
            .await
            .map_err(|error| refused(&error))?;
        let upload = begun.upload_id().context("S3 named no upload")?;
        let sent = self.send_parts(path, upload, copied).await;
        if sent.is_err() {
            // Parts of an upload that never ends cost money; if this fails as well, a lifecycle rule of the bucket clears them.
            let abort = self.client.abort_multipart_upload();
            let abort = abort.bucket(&self.bucket).key(&self.key);
            if let Err(error) = abort.upload_id(upload).send().await {
                tracing::warn!(error = %DisplayErrorContext(&error), "an unfinished copy of the baseline stays in S3");
            }
        }
        sent
    }

    async fn send_parts(&self, path: &Path, upload: &str, copied: &Copied) -> anyhow::Result<()> {
        let size = self.part_bytes.max(copied.bytes.div_ceil(PARTS_MAX));
        let mut file = tokio::fs::File::open(path).await?;
        let mut hash = Sha256::new();
        let mut parts = Vec::new();
        for number in 1.. {
            let body = part(&mut file, size).await?;
            if body.is_empty() {
                break;
            }
            hash.update(&body);
            let put = self
                .client
                .upload_part()
                .bucket(&self.bucket)
                .key(&self.key)
                .upload_id(upload)
                .part_number(number)
                .body(ByteStream::from(body))
                .send()
                .await
                .map_err(|error| refused(&error))?;
            let part = CompletedPart::builder()
                .part_number(number)
                .set_e_tag(put.e_tag().map(str::to_owned))
                .set_checksum_crc32(put.checksum_crc32().map(str::to_owned));
            parts.push(part.build());
        }
        ensure!(hexadecimal(&hash.finalize()) == copied.sha256, CHANGED);
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts));
        self.client
            .complete_multipart_upload()
            .bucket(&self.bucket)
            .key(&self.key)
            .upload_id(upload)
            .multipart_upload(parts.build())
            .send()
            .await
            .map_err(|error| refused(&error))?;
        Ok(())
    }

    /// Takes the copy, where no baseline lies at `path` and there is one.
    ///
    /// # Errors
    /// S3 refuses, the copy is not what was put, or the disk refuses. Then nothing lies at `path`.
    pub(crate) async fn get_if_absent(&self, path: &Path) -> anyhow::Result<Start> {
        let doing = || format!("take {} as {}", self.url(), path.display());
        if tokio::fs::try_exists(path).await.with_context(doing)? {
            return Ok(Start::OnDisk);
        }
        let get = self.client.get_object().bucket(&self.bucket).key(&self.key);
        let object = match get.send().await {
            Ok(object) => object,
            Err(error) if error.code() == Some("NoSuchKey") => return Ok(Start::Nothing),
            Err(error) => return Err(refused(&error)).with_context(doing),
        };
        let expected = object
            .metadata()
            .and_then(|metadata| metadata.get(DIGEST_KEY))
            .cloned()
            .with_context(|| format!("{}: it carries no {DIGEST_KEY} and is no copy of ours; remove it or name another object", doing()))?;
        let body = object.body.into_async_read();
        let copied = save(body, path, &expected).await.with_context(doing)?;
        Ok(Start::Taken(copied))
    }
}

/// What is said of a file that differs from what it was when its digest was made.
const CHANGED: &str = "the file changed while it was copied; copy a snapshot";

/// Writes beside `path` and renames once the digest fits; on any error the temporary file goes.
async fn save(
    mut body: impl AsyncRead + Unpin,
    path: &Path,
    expected: &str,
) -> anyhow::Result<Copied> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".baseline-copy-")
        .tempfile_in(folder)?;
    let mut hash = Sha256::new();
    let mut bytes = 0;
    loop {
        let block = part(&mut body, 1 << 20).await?;
        if block.is_empty() {
            break;
        }
        bytes += block.len() as u64;
        ensure!(
            bytes <= COPY_BYTES_MAX,
            "it is larger than {COPY_BYTES_MAX} bytes"
        );
        hash.update(&block);
        file.write_all(&block)?;
    }
    let sha256 = hexadecimal(&hash.finalize());
    ensure!(
        sha256 == expected,
        "its SHA-256 is {sha256}, not {expected} as was put: it is damaged; take an earlier version of the object, or remove it to start empty"
    );
    file.as_file().sync_all()?;
    file.persist_noclobber(path)?;
    std::fs::File::open(folder)?.sync_all()?;
    Ok(Copied { bytes, sha256 })
}

/// The size and digest of a file, read in blocks.
async fn digest(path: &Path, block: u64) -> anyhow::Result<Copied> {
    let path = PathBuf::from(path);
    let mut file = tokio::fs::File::open(&path).await?;
    let mut hash = Sha256::new();
    let mut bytes = 0;
    loop {
        let block = part(&mut file, block).await?;
        if block.is_empty() {
            break;
        }
        bytes += block.len() as u64;
        hash.update(&block);
    }
    Ok(Copied {
        bytes,
        sha256: hexadecimal(&hash.finalize()),
    })
}

/// The next bytes, up to `size`; fewer only at the end.
async fn part(from: &mut (impl AsyncRead + Unpin), size: u64) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(size).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

fn hexadecimal(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What S3 said, with the permissions to look at where it denied.
fn refused<E>(error: &SdkError<E>) -> anyhow::Error
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let denied = "allow s3:PutObject, s3:AbortMultipartUpload and s3:GetObject on the object, s3:ListBucket on the bucket, and its KMS key";
    match error.code() {
        Some("AccessDenied") => anyhow!("access denied; {denied}"),
        Some(code) => anyhow!("{code}: {}", error.message().unwrap_or("no more was said")),
        None => anyhow!("{}", DisplayErrorContext(error)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;

    use aws_config::{BehaviorVersion, Region};
    use aws_credential_types::Credentials;
    use offtrail_moto::{KEY, Moto, REGION, SECRET};
    use tokio::runtime::Runtime;

    use super::*;

    /// The least S3 takes for a part that is not the last.
    const PART_BYTES_MIN: u64 = 5 << 20;

    async fn copy_in(moto: &Moto, bucket: &str) -> BaselineCopy {
        let http = aws_smithy_http_client::Builder::new().build_http();
        let aws = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .endpoint_url(moto.endpoint())
            .region(Region::new(REGION))
            .credentials_provider(Credentials::new(KEY, SECRET, None, None, "test"))
            .load()
            .await;
        let settings = CopySettings {
            path_style: true,
            ..CopySettings::default()
        };
        let url = format!("s3://{bucket}/state/baseline.db");
        let copy = BaselineCopy::new(&url, &aws, settings).unwrap();
        BaselineCopy {
            part_bytes: PART_BYTES_MIN,
            ..copy
        }
    }

    fn run(body: impl AsyncFnOnce(&Moto, &Path)) {
        let Some(moto) = Moto::start() else {
            return;
        };
        let folder = tempfile::tempdir().unwrap();
        Runtime::new().unwrap().block_on(body(&moto, folder.path()));
    }

    async fn bucket(copy: &BaselineCopy) {
        let create = copy.client.create_bucket().bucket(&copy.bucket);
        create.send().await.unwrap();
    }

    fn files(folder: &Path) -> usize {
        fs::read_dir(folder).unwrap().count()
    }

    #[test]
    fn what_is_put_comes_back_whole_or_in_parts() {
        run(async |moto, folder| {
            let copy = copy_in(moto, "copies").await;
            bucket(&copy).await;
            let (from, to) = (folder.join("from.db"), folder.join("to.db"));
            assert_eq!(copy.get_if_absent(&to).await.unwrap(), Start::Nothing);
            for size in [0, 1_000, PART_BYTES_MIN, 2 * PART_BYTES_MIN + 7] {
                let bytes: Vec<u8> = (0..size).map(|i| (i * 31 % 251) as u8).collect();
                fs::write(&from, &bytes).unwrap();
                let copied = copy.put(&from).await.unwrap();
                assert_eq!(copied.bytes, size);
                assert_eq!(copy.get_if_absent(&to).await.unwrap(), Start::Taken(copied));
                assert!(fs::read(&to).unwrap() == bytes);
                assert_eq!(copy.get_if_absent(&to).await.unwrap(), Start::OnDisk);
                fs::remove_file(&to).unwrap();
            }
            let uploads = copy.client.list_multipart_uploads().bucket("copies");
            assert!(uploads.send().await.unwrap().uploads().is_empty());
        });
    }

    #[test]
    fn what_is_damaged_or_not_ours_leaves_nothing_on_the_disk() {
        run(async |moto, folder| {
            let copy = copy_in(moto, "copies").await;
            bucket(&copy).await;
            let to = folder.join("to.db");
            let put = || copy.client.put_object().bucket("copies").key(&copy.key);
            put()
                .body(ByteStream::from_static(b"x"))
                .send()
                .await
                .unwrap();
            let foreign = copy.get_if_absent(&to).await.unwrap_err();
            assert!(format!("{foreign:#}").contains("is no copy of ours"));
            let put = put().metadata(DIGEST_KEY, "00");
            put.body(ByteStream::from_static(b"x"))
                .send()
                .await
                .unwrap();
            let damaged = copy.get_if_absent(&to).await.unwrap_err();
            assert!(format!("{damaged:#}").contains("not 00 as was put: it is damaged"));
            assert_eq!(files(folder), 0);
        });
    }

    #[test]
    fn a_bucket_that_is_not_there_is_told() {
        run(async |moto, folder| {
            let copy = copy_in(moto, "nowhere").await;
            let from = folder.join("from.db");
            fs::write(&from, "x").unwrap();
            let error = copy.put(&from).await.unwrap_err();
            let text = format!("{error:#}");
            assert!(
                text.starts_with("copy ") && text.contains("NoSuchBucket"),
                "{text}"
            );
            let error = copy.get_if_absent(&folder.join("to.db")).await.unwrap_err();
            assert!(format!("{error:#}").contains("NoSuchBucket"));
            let error = copy.put(&folder.join("none.db")).await.unwrap_err();
            assert!(format!("{error:#}").contains("none.db to s3://nowhere/state/baseline.db: "));
        });
    }

    #[test]
    fn a_body_that_breaks_off_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("to.db");
        let broken = breaks_off();
        let saved = Runtime::new().unwrap().block_on(save(broken, &path, "00"));
        assert!(saved.is_err());
        assert_eq!(files(folder.path()), 0);
    }

    /// Some bytes, then an error.
    fn breaks_off() -> impl AsyncRead + Unpin {
        struct Broken(bool);
        impl AsyncRead for Broken {
            fn poll_read(
                mut self: std::pin::Pin<&mut Self>,
                _: &mut std::task::Context<'_>,
                buffer: &mut tokio::io::ReadBuf<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(if std::mem::replace(&mut self.0, true) {
                    Err(std::io::ErrorKind::ConnectionReset.into())
                } else {
                    buffer.put_slice(b"half");
                    Ok(())
                })
            }
        }
        Broken(false)
    }

    #[test]
    fn a_place_has_to_be_an_object() {
        let aws = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .build();
        for url in [
            "baseline.db",
            "s3://bucket",
            "s3://bucket/",
            "s3://bucket/folder/",
            "https://x/y",
        ] {
            let error = BaselineCopy::new(url, &aws, CopySettings::default()).unwrap_err();
            assert!(error.to_string().contains("write s3://BUCKET/KEY"), "{url}");
        }
    }
}
