package golden;

/** Compiled for Java 9, class file version 53, which JaCoCo hashes as version 52. */
final class Nine {
    interface Shape {
        int SIDES = Integer.parseInt("4");

        static int round(Nine nine) {
            return nine.hashCode() == 0 ? SIDES : 0;
        }
    }
}
