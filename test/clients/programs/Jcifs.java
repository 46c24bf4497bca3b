// jcifs-ng: a file's life, a folder copied by the library itself, random access.
import java.util.*;
import jcifs.CIFSContext;
import jcifs.config.PropertyConfiguration;
import jcifs.context.BaseContext;
import jcifs.smb.*;

public class Jcifs {
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

  public static void main(String[] words) throws Exception {
    for (String maximum : List.of("SMB202", "SMB210", "SMB300", "SMB311")) {
      Properties properties = new Properties();
      properties.setProperty("jcifs.smb.client.minVersion", maximum);
      properties.setProperty("jcifs.smb.client.maxVersion", maximum);
      properties.setProperty("jcifs.smb.client.responseTimeout", "20000");
      properties.setProperty("jcifs.smb.client.soTimeout", "20000");
      CIFSContext context = new BaseContext(new PropertyConfiguration(properties))
          .withCredentials(new NtlmPasswordAuthenticator(null, System.getenv("SMB_USER"), System.getenv("SMB_PASSWORD")));
      String root = "smb://" + System.getenv("SMB_SERVER") + "/share/jcifs-" + maximum + "/";
      byte[] data = new byte[1_000_000];
      new Random(1).nextBytes(data);
      String at = maximum + "-";
      step(at + "mkdir", () -> new SmbFile(root, context).mkdir());
      step(at + "write", () -> { try (var out = new SmbFile(root + "data", context).getOutputStream()) { out.write(data); } });
      step(at + "read", () -> { try (var in = new SmbFile(root + "data", context).getInputStream()) { expect(Arrays.equals(in.readAllBytes(), data), "other data"); } });
      step(at + "random", () -> { try (var file = new SmbRandomAccessFile(new SmbFile(root + "data", context), "rw")) { file.seek(500_000); expect(file.read() == (data[500_000] & 255), "other byte"); } });
      step(at + "attributes", () -> expect(new SmbFile(root + "data", context).length() == data.length, "wrong size"));
      step(at + "times", () -> new SmbFile(root + "data", context).setLastModified(1_000_000_000_000L));
      step(at + "inner", () -> { new SmbFile(root + "inner/", context).mkdir(); try (var out = new SmbFile(root + "inner/Grüße", context).getOutputStream()) { out.write(1); } });
      step(at + "copy", () -> new SmbFile(root + "inner/", context).copyTo(new SmbFile(root + "copied/", context)));
      step(at + "copied", () -> expect(new SmbFile(root + "copied/Grüße", context).length() == 1, "wrong size"));
      step(at + "list", () -> expect(new SmbFile(root, context).list().length == 3, "wrong list"));
      step(at + "pattern", () -> expect(new SmbFile(root, context).list((dir, name) -> name.startsWith("da")).length == 1, "wrong list"));
      step(at + "rename", () -> new SmbFile(root + "data", context).renameTo(new SmbFile(root + "moved", context)));
      step(at + "security", () -> new SmbFile(root + "moved", context).getSecurity());
      step(at + "space", () -> expect(new SmbFile(root, context).getDiskFreeSpace() > 0, "no space"));
      step(at + "delete", () -> new SmbFile(root, context).delete());
      step(at + "gone", () -> expect(!new SmbFile(root, context).exists(), "still there"));
    }
    System.exit(0);
  }
}
