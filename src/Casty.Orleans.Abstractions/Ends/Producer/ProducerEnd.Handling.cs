namespace Casty.Orleans;

/// <summary>What the producer's grain has to know where a grain handles the stream.</summary>
internal sealed partial class ProducerEnd<T>
{
    /// <summary>The names of the subscriptions by which grains handle the stream; none where the stream is over.</summary>
    public string[] Handlers
    {
        get
        {
            lock (_gate)
            {
                if (_core.IsOver) return [];
                if (_fan is not null) return [.. _fan.Subscriptions.Select(one => one.Consumer).Where(StreamNames.IsHandler)];
                return StreamNames.IsHandler(_core.Consumer) ? [_core.Consumer!] : [];
            }
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
