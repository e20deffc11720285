namespace Casty.Orleans;

/// <summary>What the producer's grain has to know where a grain handles the stream.</summary>
internal sealed partial class ProducerEnd<T>
{
    /// <summary>The name of the subscription, where a grain handles the stream; null where none does, or the stream is over.</summary>
    public string? Handler
    {
        get
        {
            lock (_gate) return !_core.IsOver && StreamNames.IsHandler(_core.Consumer) ? _core.Consumer : null;
        }
    }

    /// <summary>The stream is not over, and has or had a writer.</summary>
    public bool IsWritten
    {
        get
        {
            lock (_gate) return !_core.IsOver && (_writers.Count > 0 || _core.Next > 0 || _core.End is not null);
        }
    }
}
