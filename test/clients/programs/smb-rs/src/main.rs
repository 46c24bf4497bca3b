// smb-rs: log-on, one file's life and a listing; signed (its default) and encrypted.
use smb::{Client, ClientConfig, FileAccessMask, FileAttributes, FileCreateArgs, UncPath};
use smb::{ReadAtChannel, WriteAtChannel};
use smb::connection::EncryptionMode;
use std::env::var;
use std::str::FromStr;

fn tell<T, E: std::fmt::Debug>(name: &str, result: Result<T, E>) -> Option<T> {
    match result {
        Ok(value) => {
            println!("PASS {name}");
            Some(value)
        }
        Err(error) => {
            let detail = format!("{error:?}").replace('\n', " ");
            println!("FAIL {name}: {}", detail.chars().take(300).collect::<String>());
            None
        }
    }
}

async fn work(mode: &str, encryption: EncryptionMode) {
    let mut config = ClientConfig::default();
    config.connection.encryption_mode = encryption;
    let client = Client::new(config);
    let share = UncPath::from_str(&format!(r"\\{}\share", var("SMB_SERVER").unwrap())).unwrap();
    let user = var("SMB_USER").unwrap();
    let password = var("SMB_PASSWORD").unwrap();
    if tell(&format!("{mode}-logon"), client.share_connect(&share, &user, password).await).is_none() {
        return;
    }
    let path = share.clone().with_path(&format!("smb-rs-{mode}"));
    let data: Vec<u8> = (0..200_000u32).map(|i| (i % 251) as u8).collect();
    let args = FileCreateArgs::make_overwrite(FileAttributes::new(), Default::default());
    let created = client.create_file(&path, &args).await;
    if let Some(resource) = tell(&format!("{mode}-create"), created) {
        let file = resource.unwrap_file();
        tell(&format!("{mode}-write"), file.write_at_channel(&data[..60_000], 0, None).await);
        tell(&format!("{mode}-close"), file.close().await);
    }
    let args = FileCreateArgs::make_open_existing(FileAccessMask::new().with_generic_read(true));
    // The library reads up to the size that it learns at CREATE.
    if let Some(resource) = tell(&format!("{mode}-open"), client.create_file(&path, &args).await) {
        let file = resource.unwrap_file();
        let mut read = vec![0u8; 60_000];
        let count = tell(&format!("{mode}-read"), file.read_at_channel(&mut read, 0, None).await);
        let length = count.unwrap_or(0);
        let is_right = length > 0 && read[..length] == data[..length];
        tell(&format!("{mode}-data"), if is_right { Ok(()) } else { Err("other data") });
    }
    let missing = share.clone().with_path("smb-rs-missing");
    let outcome = client.create_file(&missing, &args).await;
    tell(&format!("{mode}-missing"), if outcome.is_err() { Ok(()) } else { Err("it was opened") });
    tell(&format!("{mode}-end"), client.close().await);
}

#[tokio::main]
async fn main() {
    work("signed", EncryptionMode::Disabled).await;
    work("sealed", EncryptionMode::Required).await;
}
