using Orleans;
using Orleans.Placement;
using Orleans.Runtime;

namespace Casty.Orleans;

/// <summary>
/// The home of one subscription: pairs a reader with its producer, one reader after the other. Elements do not pass through it.
/// </summary>
/// <typeparam name="T">The type of the elements.</typeparam>
[PreferLocalPlacement]
[GrainType("casty.consumer`1")]
public sealed class StreamConsumerGrain<T> : Grain, IStreamConsumerGrain<T>
{
    private IStreamProducerGrain<T>? _producer;
    private Guid _reader;
    private Guid _process;
    private long _number;

    /// <inheritdoc/>
    public async Task<StreamJoined<T>?> OpenAsync(StreamSubscribeRequest<T> request)
    {
        Check(request);
        if (request.Process == _process && request.Number < _number)
        {
            // Messages overtake each other, and this one may even be of a call that was cancelled before the other was made.
            throw new StreamSupersededException($"A later call of the same process took the name '{request.Consumer}' first.");
        }

        (_process, _number) = (request.Process, request.Number);
        _producer = GrainFactory.GetGrain<IStreamProducerGrain<T>>(request.Producer);
        try
        {
            var joined = await _producer.SubscribeAsync(request);
            _reader = request.End;
            if (!request.IsNamed && joined is not null) DeactivateOnIdle();   // nobody else can come, and nothing is kept here
            return joined;
        }
        catch
        {
            if (_reader == default) DeactivateOnIdle();
            throw;
        }
    }

    private void Check(StreamSubscribeRequest<T> request)
    {
        try
        {
            request.Validate(request?.Producer!);
            if (this.GetPrimaryKeyString() == StreamNames.ConsumerKey(request!.Producer, request.Consumer)) return;
            throw new ArgumentException("The names in a request are not those of the subscription.", nameof(request));
        }
        catch (ArgumentException)
        {
            if (_reader == default) DeactivateOnIdle();
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task CloseAsync(Guid end, bool withdraw)
    {
        if (_reader == end || _reader == default)
        {
            _reader = default;
            DeactivateOnIdle();
        }

        if (withdraw && _producer is not null) await _producer.UnsubscribeAsync(end);
    }
}
