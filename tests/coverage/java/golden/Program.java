package golden;

/**
 * Runs parts of the other classes, as its first argument says; with a second argument it then
 * waits for lines of input, and runs the part that each names.
 */
public final class Program {
    public static void main(String[] args) throws Exception {
        run(args[0]);
        if (args.length > 1) {
            System.out.println("ready");
            java.io.BufferedReader lines =
                new java.io.BufferedReader(new java.io.InputStreamReader(System.in));
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                run(line);
                System.out.println("ran " + line);
            }
        }
    }

    private static void run(String part) {
        switch (part) {
            case "first":
                new Größe日本().measure(3);
                Many.pick(0);
                Many.pick(150);
                Untaken.fail(new int[0]);
                break;
            case "second":
                new Größe日本().measure(-1);
                Many.pick(299);
                Nine.Shape.round(new Nine());
                𐐀.shout();
                break;
            default:
                throw new IllegalArgumentException(part);
        }
    }
}

/** A name beyond ASCII. */
final class Größe日本 {
    int measure(int length) {
        return length > 0 ? length * 2 : negative();
    }

    private int negative() {
        Runnable quiet = () -> Many.pick(7);
        quiet.run();
        return 0;
    }
}

/** A name beyond the Basic Multilingual Plane: two surrogates in modified UTF-8. */
final class 𐐀 {
    static void shout() {}
}

/** Entered without reaching a probe: JaCoCo knows the class and leaves it out of its files. */
final class Untaken {
    private Untaken() {}

    static void fail(int[] none) {
        try {
            Out.of(none);
        } catch (ArrayIndexOutOfBoundsException expected) {
            return;
        }
    }

    static final class Out {
        private Out() {}

        static int of(int[] none) {
            return none[5];
        }
    }
}
