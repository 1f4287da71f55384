import java.io.File;
import java.io.PrintStream;
import java.net.InetAddress;
import java.nio.file.Files;
import org.jacoco.core.data.ExecutionData;
import org.jacoco.core.data.SessionInfo;
import org.jacoco.core.tools.ExecDumpClient;
import org.jacoco.core.instr.Instrumenter;
import org.jacoco.core.runtime.OfflineInstrumentationAccessGenerator;
import org.jacoco.core.tools.ExecFileLoader;

/**
 * JaCoCo's own reader, merger and dump client, as its command line wraps them.
 *
 * <p>info FILE...: sessions and probes. merge OUT FILE...: one file. check FILE...: 'good' or 'bad'
 * for each. dump ADDRESS PORT OUT RESET: what an agent on that port has executed. instrument FOLDER:
 * the class files below it, in place, as the Android Gradle plugin has them instrumented.
 */
public final class Tool {
    public static void main(String[] args) throws Exception {
        PrintStream out = new PrintStream(System.out, true, "UTF-8");
        switch (args[0]) {
            case "info":
                print(load(args, 1), out);
                break;
            case "merge":
                load(args, 2).save(new File(args[1]), false);
                break;
            case "check":
                for (int i = 1; i < args.length; i++) {
                    out.println(reads(args[i]) ? "good" : "bad");
                }
                break;
            case "dump":
                ExecDumpClient client = new ExecDumpClient();
                client.setReset(Boolean.parseBoolean(args[4]));
                client.dump(InetAddress.getByName(args[1]), Integer.parseInt(args[2]))
                    .save(new File(args[3]), false);
                break;
            case "instrument":
                instrument(new File(args[1]));
                break;
            default:
                throw new IllegalArgumentException(args[0]);
        }
    }

    private static ExecFileLoader load(String[] args, int from) throws Exception {
        ExecFileLoader loader = new ExecFileLoader();
        for (int i = from; i < args.length; i++) {
            loader.load(new File(args[i]));
        }
        return loader;
    }

    private static void instrument(File folder) throws Exception {
        Instrumenter instrumenter = new Instrumenter(new OfflineInstrumentationAccessGenerator());
        for (File file : folder.listFiles()) {
            if (file.isDirectory()) {
                instrument(file);
            } else if (file.getName().endsWith(".class")) {
                byte[] plain = Files.readAllBytes(file.toPath());
                Files.write(file.toPath(), instrumenter.instrument(plain, file.getName()));
            }
        }
    }

    private static boolean reads(String name) {
        try {
            load(new String[] {name}, 0);
            return true;
        } catch (Exception | OutOfMemoryError | StackOverflowError refused) {
            return false;
        }
    }

    private static void print(ExecFileLoader loader, PrintStream out) {
        for (SessionInfo session : loader.getSessionInfoStore().getInfos()) {
            out.println("session\t" + session.getId());
        }
        for (ExecutionData data : loader.getExecutionDataStore().getContents()) {
            StringBuilder probes = new StringBuilder();
            for (boolean probe : data.getProbes()) {
                probes.append(probe ? '1' : '0');
            }
            out.println(
                String.format("class\t%016x\t%s\t%s", data.getId(), data.getName(), probes));
        }
    }
}
