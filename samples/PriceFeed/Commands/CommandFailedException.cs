namespace PriceFeed.Commands;

/// <summary>A command did not do what it is for: its message is printed, and the exit code is 1.</summary>
internal sealed class CommandFailedException(string message) : Exception(message);

/// <summary>The arguments make no sense: the message and where to find help are printed, and the exit code is 2.</summary>
internal sealed class UsageException(string message) : Exception(message);
