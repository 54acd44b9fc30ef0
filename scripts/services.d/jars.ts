import { installDebianPackages, installSoftware, needProgram, run } from './software.ts';

const COPY_DEPENDENCIES = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies';

/** The jars that a pom depends on, by Maven. */
export async function installJars(software: string, pom: string): Promise<void> {
  await installDebianPackages({ java: 'openjdk-17-jdk-headless', mvn: 'maven' });
  await installSoftware(software, (folder) =>
    run(
      needProgram('mvn', 'Debian: maven'),
      ['-B', '-q', '-f', pom, COPY_DEPENDENCIES].concat(['-DincludeScope=runtime', `-DoutputDirectory=${folder}`]),
    ),
  );
}
