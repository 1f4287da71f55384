"""The embedded Android device: adbd, shell, screens, apps and their instrumentation."""
