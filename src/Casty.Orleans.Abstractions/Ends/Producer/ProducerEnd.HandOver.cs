using Casty.Orleans.Protocol;

namespace Casty.Orleans;

/// <summary>How the place of an end whose handle was handed over goes to the one that opens it, and to the first only (P-17).</summary>
internal sealed partial class ProducerEnd<T>
{
    private bool _isExpired;   // its reader was handed over and not used: whoever comes to use it late is told so, for two leases

    /// <summary>A writer of this stream keeps that place.</summary>
    public bool HasPlaceOf(long writer)
    {
        lock (_gate) return _core.IsIdle(writer);
    }

    /// <summary>The reader of this stream is that end.</summary>
    public bool HasPlaceOf(Guid reader)
    {
        lock (_gate) return IsReader(reader);
    }

    private bool IsReader(Guid end) => _core.IsReader(end) || _fan?.FindReader(end) is not null || _fan?.IsExpected(end) == true;

    /// <summary>Under the lock.</summary>
    private void CheckPlaceOf(long writer)
    {
        if (_core.End is not null || !_core.IsIdle(writer)) throw StreamErrors.Used("sink", Name, _core.End);
    }

    /// <summary>Under the lock.</summary>
    private void CheckPlaceOf(Guid reader, Guid asker)
    {
        // The asker itself, where a producer that was lost had let it in and the answer did not arrive.
        bool isThere = IsReader(reader) || IsReader(asker);
        if (_core.IsOver || !isThere) throw StreamErrors.Used("source", Name, _core.IsOver ? _core.End : null);
    }

    /// <summary>Under the lock: another has that writer's place. Returns who is to be told.</summary>
    private IWriterPort? Replace(long writer)
    {
        if (writer == 0) return null;

        _core.Replace(writer, _host.Clock.Now);
        if (_core.Knows(writer) || !_writers.TryGetValue(writer, out var port)) return null;
        Forget(writer);
        return port;
    }

    /// <summary>Should it not hear of it, it finds out when it speaks next.</summary>
    private void Dismiss(IWriterPort? port, long writer)
    {
        if (port is null) return;
        lock (_gate) _telling++;
        _ = TellWriterAsync(port, new Demand(_core.Stream, writer, 0, 0, 0, End: new StreamEnd(StreamEndReason.Superseded, "The sink was handed over, and is used elsewhere.")));
    }
}
