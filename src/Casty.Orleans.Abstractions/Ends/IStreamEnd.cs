namespace Casty.Orleans;

/// <summary>An end that has a handle in this process.</summary>
internal interface IRefEnd
{
    /// <summary>Ends when the stream does for it.</summary>
    Task Completion { get; }
}

/// <summary>What a process does with any end of a stream that it hosts.</summary>
internal interface IStreamEnd
{
    /// <summary>The end's address within its process.</summary>
    Guid Id { get; }

    /// <summary>Ends once the stream has nothing left to do here.</summary>
    Task Released { get; }

    /// <summary>A host that stops lets go of it before anything else stops.</summary>
    bool LeavesFirst { get; }

    /// <summary>A grain opened it, and decides over it as long as it lives.</summary>
    bool IsTied { get; }

    /// <summary>What owns the end goes away (its grain, or the host): let go of the stream as that asks for. Ends when it has.</summary>
    /// <param name="isHostStopping">The whole process goes.</param>
    Task LetGoAsync(bool isHostStopping);
}
