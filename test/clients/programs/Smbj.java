// smbj: plain, signed and encrypted, each dialect; and an anonymous log-on.
import com.hierynomus.msdtyp.AccessMask;
import com.hierynomus.mssmb2.*;
import com.hierynomus.smbj.*;
import com.hierynomus.smbj.auth.AuthenticationContext;
import com.hierynomus.smbj.connection.Connection;
import com.hierynomus.smbj.session.Session;
import com.hierynomus.smbj.share.*;
import java.util.*;
import java.util.concurrent.TimeUnit;

public class Smbj {
  interface Action { void run() throws Exception; }

  static void step(String name, Action action) {
    try {
      action.run();
      System.out.println("PASS " + name);
    } catch (Throwable error) {
      System.out.println("FAIL " + name + ": " + String.valueOf(error).replace('\n', ' '));
    }
  }

  static void expect(boolean holds, String what) throws Exception {
    if (!holds) throw new Exception(what);
  }

  static void use(String mode, SmbConfig config, AuthenticationContext who) throws Exception {
    byte[] data = new byte[3_000_000];
    new Random(1).nextBytes(data);
    try (SMBClient client = new SMBClient(config);
        Connection connection = client.connect(System.getenv("SMB_SERVER"))) {
      Session session = connection.authenticate(who);
      DiskShare share = (DiskShare) session.connectShare("share");
      String folder = "smbj-" + mode;
      step(mode + "-mkdir", () -> share.mkdir(folder));
      step(mode + "-write", () -> {
        try (File file = share.openFile(folder + "\\data", EnumSet.of(AccessMask.GENERIC_ALL), null, SMB2ShareAccess.ALL, SMB2CreateDisposition.FILE_OVERWRITE_IF, null)) {
          expect(file.write(data, 0) == data.length, "short write");
        }
      });
      step(mode + "-read", () -> {
        try (File file = share.openFile(folder + "\\data", EnumSet.of(AccessMask.GENERIC_READ), null, SMB2ShareAccess.ALL, SMB2CreateDisposition.FILE_OPEN, null)) {
          expect(Arrays.equals(file.getInputStream().readAllBytes(), data), "other data");
          file.rename(folder + "\\data");
        } catch (SMBApiException error) {
          // A rename needs DELETE, which this open has not.
          expect(error.getStatusCode() == 0xC0000022L, error.toString());
        }
      });
      step(mode + "-rename", () -> {
        try (File file = share.openFile(folder + "\\data", EnumSet.of(AccessMask.GENERIC_ALL), null, SMB2ShareAccess.ALL, SMB2CreateDisposition.FILE_OPEN, null)) {
          file.rename(folder + "\\Grüße");
        }
      });
      step(mode + "-list", () -> expect(share.list(folder).size() == 3, "wrong list"));
      step(mode + "-information", () -> expect(share.getFileInformation(folder + "\\Grüße").getStandardInformation().getEndOfFile() == data.length, "wrong size"));
      step(mode + "-security", () -> share.getSecurityInfo(folder + "\\Grüße", EnumSet.of(com.hierynomus.msdtyp.SecurityInformation.OWNER_SECURITY_INFORMATION)));
      step(mode + "-space", () -> expect(share.getShareInformation().getTotalSpace() > 0, "no space"));
      step(mode + "-exists", () -> expect(share.fileExists(folder + "\\Grüße") && !share.fileExists(folder + "\\none") && share.folderExists(folder), "wrong"));
      step(mode + "-delete", () -> share.rm(folder + "\\Grüße"));
      step(mode + "-rmdir", () -> share.rmdir(folder, true));
    }
  }

  public static void main(String[] words) {
    char[] password = System.getenv("SMB_PASSWORD").toCharArray();
    AuthenticationContext who = new AuthenticationContext(System.getenv("SMB_USER"), password, "");
    for (SMB2Dialect dialect : List.of(SMB2Dialect.SMB_2_0_2, SMB2Dialect.SMB_2_1, SMB2Dialect.SMB_3_0, SMB2Dialect.SMB_3_0_2, SMB2Dialect.SMB_3_1_1)) {
      for (String mode : List.of("plain", "signed", "sealed")) {
        if (mode.equals("sealed") && dialect.getValue() < 0x300) continue;
        SmbConfig config = SmbConfig.builder().withDialects(dialect).withTimeout(20, TimeUnit.SECONDS)
            .withSigningRequired(mode.equals("signed")).withEncryptData(mode.equals("sealed")).build();
        String name = dialect.name() + "-" + mode;
        step(name + "-session", () -> use(name, config, who));
      }
    }
    step("anonymous", () -> {
      SMBClient client = new SMBClient();
      client.connect(System.getenv("SMB_SERVER")).authenticate(AuthenticationContext.anonymous()).connectShare("IPC$");
      client.close();
    });
    System.exit(0);
  }
}
