using System.Buffers.Binary;
using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Orleans;
using Orleans.Serialization;

namespace Casty.Orleans.Tests;

/// <summary>A peer that leaves without a word. Until its observer is forgotten, it hears what it is told, and says nothing.</summary>
public interface IHostilePeer
{
    void Forget();
}

/// <summary>A writer that speaks the contracts itself, from the client, and says whatever a test has it say.</summary>
public sealed class HostileWriter : IStreamDemandObserver, IHostilePeer
{
    private readonly IClusterClient _client;
    public IStreamDemandObserver Self { get; private set; } = null!;

    private HostileWriter(IClusterClient client) => _client = client;

    public StreamJoined<int> Joined { get; private set; } = null!;

    /// <summary>What it was told, in answer or by itself.</summary>
    public ConcurrentQueue<StreamDemand> Heard { get; } = new();

    public static async Task<HostileWriter> JoinAsync(IClusterClient client, string name, Func<StreamAttachRequest, StreamAttachRequest>? forge = null)
    {
        var writer = new HostileWriter(client);
        writer.Self = client.CreateObjectReference<IStreamDemandObserver>(writer);
        var request = new StreamAttachRequest { Process = Guid.NewGuid(), End = Guid.NewGuid(), Observer = writer.Self };
        writer.Joined = await client.GetGrain<IStreamProducerGrain<int>>(name).AttachAsync(forge?.Invoke(request) ?? request).Soon() ?? throw new InvalidOperationException("The stream is being rebuilt.");
        return writer;
    }

    /// <summary>Asks for credit, as an honest writer would, and waits until it has so much.</summary>
    public async Task AskAsync(int credit)
    {
        await SayAsync(new StreamFrame { To = Joined.End, Stream = Joined.Stream, Incarnation = Joined.Incarnation, Peer = Joined.Peer, Wanted = credit });
        await Waiting.UntilAsync(() => Joined.Limit >= credit || Heard.Any(one => one.Limit >= credit), () => $"It was granted no {credit}.");
    }

    /// <summary>A frame as an honest writer would say it, carrying what is given.</summary>
    public StreamFrame Frame(params StreamBatch[]? batches) => new()
    {
        To = Joined.End,
        Stream = Joined.Stream,
        Incarnation = Joined.Incarnation,
        Peer = Joined.Peer,
        Batches = batches,
        Number = 1,
    };

    /// <summary>A frame like <see cref="Frame"/>, of an honest writer that is done.</summary>
    public StreamFrame Completed(long at) => new()
    {
        To = Joined.End,
        Stream = Joined.Stream,
        Incarnation = Joined.Incarnation,
        Peer = Joined.Peer,
        EndAt = at,
        End = new StreamEndInfo { Reason = StreamEndReason.Completed },
        Number = 2,
    };

    public StreamBatch Batch(long first, params int[] elements) => Batch(first, elements.Length, Bytes.Of(elements));

    public StreamBatch Batch(long first, int count, byte[] bytes) =>
        new() { First = first, Writer = Joined.Peer, WriterFirst = first, Count = count, Elements = bytes };

    public async Task<StreamFrameReply> SayAsync(StreamFrame frame)
    {
        var reply = await Joined.Elements.OnNextAsync(frame).Soon();
        if (reply.Demand is { } demand) Heard.Enqueue(demand);
        return reply;
    }

    public ValueTask<bool> PingAsync(Guid process) => new(true);

    public ValueTask ReplacedAsync(Guid to, Guid stream, long incarnation) => default;

    public ValueTask<StreamDemandReply> OnDemandAsync(StreamDemand demand)
    {
        Heard.Enqueue(demand);
        return new(new StreamDemandReply());
    }

    public void Forget() => _client.DeleteObjectReference<IStreamDemandObserver>(Self);
}

/// <summary>A reader that speaks the contracts itself, from the client, and says whatever a test has it say.</summary>
public sealed class HostileReader : IStreamElementObserver<int>, IHostilePeer
{
    private readonly IClusterClient _client;
    public IStreamElementObserver<int> Self { get; private set; } = null!;

    private HostileReader(IClusterClient client) => _client = client;

    public StreamJoined<int> Joined { get; private set; } = null!;

    public ConcurrentQueue<StreamFrame> Heard { get; } = new();

    /// <summary>What it answers to elements; nothing where that is null.</summary>
    public Func<StreamFrame, StreamDemand?>? Echo { get; set; }

    public static async Task<HostileReader> JoinAsync(IClusterClient client, string name, Func<StreamSubscribeRequest<int>, StreamSubscribeRequest<int>>? forge = null)
    {
        var reader = new HostileReader(client);
        reader.Self = client.CreateObjectReference<IStreamElementObserver<int>>(reader);
        var request = new StreamSubscribeRequest<int>
        {
            Process = Guid.NewGuid(), End = Guid.NewGuid(), Observer = reader.Self, Producer = name, Consumer = "hostile", MaxDemandBytes = 1024 * 1024,
        };
        reader.Joined = await client.GetGrain<IStreamProducerGrain<int>>(name).SubscribeAsync(forge?.Invoke(request) ?? request).Soon() ?? throw new InvalidOperationException("The stream is being rebuilt.");
        return reader;
    }

    /// <summary>A demand as an honest reader would say it.</summary>
    public StreamDemand Demand(long received, long confirmed, long limit, int leave = 0, StreamEndInfo? end = null) => new()
    {
        To = Joined.End,
        Stream = Joined.Stream,
        Incarnation = Joined.Incarnation,
        Peer = Joined.Peer,
        Received = received,
        Confirmed = confirmed,
        Limit = limit,
        Leave = leave,
        End = end,
    };

    public Task<StreamDemandReply> SayAsync(StreamDemand demand) => Joined.Demand.OnDemandAsync(demand).Soon();

    public ValueTask<StreamFrameReply> OnNextAsync(StreamFrame frame)
    {
        Heard.Enqueue(frame);
        return new(new StreamFrameReply { Demand = Echo?.Invoke(frame) });
    }

    public ValueTask<long?> YieldAsync(Guid to, long epoch) => new((long?)null);

    public void Forget() => _client.DeleteObjectReference<IStreamElementObserver<int>>(Self);
}

/// <summary>Elements as they lie in a batch: each behind its length.</summary>
internal static class Bytes
{
    public static byte[] Of(params int[] elements) => [.. elements.SelectMany(element => Of(BitConverter.GetBytes(element)))];

    public static byte[] Of(byte[] element) => Of(element.Length, element);

    /// <summary>An element that says of itself that it has so many bytes.</summary>
    public static byte[] Of(int length, byte[] element)
    {
        byte[] bytes = new byte[sizeof(int) + element.Length];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, length);
        element.CopyTo(bytes, sizeof(int));
        return bytes;
    }
}
