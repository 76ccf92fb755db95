"""What is hammered, and who watches: stacks, versions, apps, collectors, runs and campaigns."""
