namespace Casty.Orleans;

/// <summary>
/// What becomes of an element that is pushed while the stream's buffer is full. An observer has no way to wait, so somebody has to say.
/// To drop elements instead, put them with <see cref="SinkRef{T}.TryPut"/>, which tells of each.
/// </summary>
public enum StreamOverflow
{
    /// <summary>The thread that pushes is blocked until there is room. Not for a grain's turns, which it would hold up.</summary>
    Block = 1,

    /// <summary>The stream fails: its reader gets what was put before, and then a <see cref="StreamException"/> that says so.</summary>
    Fail = 2,
}
