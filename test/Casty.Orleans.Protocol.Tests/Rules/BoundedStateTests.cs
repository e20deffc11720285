namespace Casty.Orleans.Protocol.Tests.Rules;

/// <summary>What a stream keeps is bounded by who is there now, not by who has ever been.</summary>
[Collection(nameof(Alone))]
public sealed class BoundedStateTests
{
    private const int Many = 100_000;
    private const long Flat = 256 * 1024;   // a leak of the smallest object for each would be ten times that

    public enum Leaves
    {
        WhenItIsDone,
        WithoutAWord,
        WithoutAWordOnceDone,
        Abandoning,
        AsIfItHadNeverCome,
    }

    [Theory, Trait("Rule", "P-11")]
    [InlineData(Leaves.WhenItIsDone)]
    [InlineData(Leaves.WithoutAWord)]
    [InlineData(Leaves.WithoutAWordOnceDone)]
    [InlineData(Leaves.Abandoning)]
    [InlineData(Leaves.AsIfItHadNeverCome)]
    public void AHundredThousandWriters_LeaveTheStreamAsItWas(Leaves leaves)
    {
        var stream = new BusyStream();
        stream.Run(1_000, leaves);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        stream.Run(Many, leaves);
        long kept = GC.GetTotalMemory(forceFullCollection: true) - before;

        Assert.Equal(1, stream.Producer.Writers);
        Assert.True(kept < Flat, $"{kept} bytes are kept after {Many} writers.");
        GC.KeepAlive(stream);
    }

    [Fact, Trait("Rule", "P-11")]
    public void ABurst_IsForgotten()
    {
        var stream = new BusyStream(bufferSize: Many);
        stream.Run(1, Leaves.WhenItIsDone);
        stream.Rest();
        long before = GC.GetTotalMemory(forceFullCollection: true);
        stream.Burst(Many);
        Assert.True(GC.GetTotalMemory(forceFullCollection: true) - before > Many * sizeof(int));
        stream.Rest();
        long kept = GC.GetTotalMemory(forceFullCollection: true) - before;

        Assert.True(kept < Flat, $"{kept} bytes are kept after a burst of {Many} elements.");
        GC.KeepAlive(stream);
    }

    [Fact, Trait("Rule", "P-11")]
    public void AHundredThousandReaders_OneAfterTheOther_LeaveTheStreamAsItWas()
    {
        var producer = Make.Producer();
        producer.Attach(Make.Start);
        Subscribe(1_000);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        Subscribe(Many);
        long kept = GC.GetTotalMemory(forceFullCollection: true) - before;

        Assert.Equal(Many + 1_000, producer.Epoch);
        Assert.True(kept < Flat, $"{kept} bytes are kept after {Many} readers.");

        void Subscribe(int count)
        {
            for (int i = 0; i < count; i++)
            {
                producer.Subscribe("consumer", isNamed: true, position: null, Make.Start);
                producer.OnDemand(Make.Demand(0, 4, peer: producer.Epoch) with { Leave = Leave.Detach }, Make.Start, out _);
                while (producer.TryTakeDemand(out _))
                {
                }
            }
        }
    }

    /// <summary>A stream with one writer and one reader that stay.</summary>
    private sealed class BusyStream
    {
        private readonly ReaderCore<int> _reader = Make.Reader(16, 64);
        private readonly WriterCore<int> _staying;
        private readonly Dictionary<long, WriterCore<int>> _writers = [];
        private TimeSpan _now = Make.Start;

        public BusyStream(int bufferSize = 64)
        {
            Producer = Make.Producer(bufferSize);
            _staying = Join();
            Producer.Subscribe("consumer", isNamed: true, position: null, _now);
        }

        public ProducerCore<int> Producer { get; }

        public void Run(int count, Leaves leaves)
        {
            for (int i = 0; i < count; i++)
            {
                var writer = Join();
                if (leaves == Leaves.AsIfItHadNeverCome)
                {
                    _writers.Remove(writer.Writer);
                    Producer.Withdraw(writer.Writer, _now);
                    continue;
                }

                writer.TryPut(i);
                Exchange();
                if (leaves == Leaves.Abandoning) writer.TryEnd(new StreamEnd(StreamEndReason.Abandoned));
                else if (leaves != Leaves.WithoutAWord) writer.TryEnd(StreamEnd.Completed);

                if (leaves == Leaves.WithoutAWordOnceDone)
                {
                    foreach (var frame in writer.Frames(_now)) Producer.OnFrame(frame, _now, out _);
                }

                if (leaves is Leaves.WithoutAWord or Leaves.WithoutAWordOnceDone)
                {
                    _writers.Remove(writer.Writer);
                    if (i % 100 == 99 || i == count - 1) Rest();
                }

                Exchange();
            }
        }

        public void Burst(int count)
        {
            for (int put = 0; put < count; Exchange(reads: false))
            {
                while (put < count && _staying.TryPut(put)) put++;
                if (_staying.Credit > 0) continue;
                _staying.SetWaiting(1);
                Exchange(reads: false);
                _staying.SetWaiting(0);
                if (_staying.Credit == 0) break;
            }
        }

        /// <summary>Time passes, in which only who stays speaks.</summary>
        public void Rest()
        {
            for (int i = 0; i < 60; i++)
            {
                Exchange();
                _now += TimeSpan.FromSeconds(5);
                foreach (var writer in _writers.Values) writer.OnTick(_now);
                Producer.OnTick(_now);
                _reader.OnTick(_now);
            }

            Exchange();
        }

        private WriterCore<int> Join()
        {
            var writer = new WriterCore<int>(Make.Key, Producer.Attach(_now), Make.Timings, _now);
            _writers.Add(writer.Writer, writer);
            Exchange();
            return writer;
        }

        private void Exchange(bool reads = true)
        {
            for (bool busy = true; busy;)
            {
                busy = false;
                foreach (var writer in _writers.Values.ToArray())
                {
                    while (writer.TryTakeFrame(1024, long.MaxValue, _now, out var up))
                    {
                        busy = true;
                        Producer.OnFrame(up, _now, out _);
                        if (Producer.TryTakeDemandFor(writer.Writer, out var answer)) writer.OnDemand(answer, _now, out _);
                    }

                    if (writer.Outcome is not null) _writers.Remove(writer.Writer);
                }

                while (Producer.TryTakeDemand(out var credit))
                {
                    busy = true;
                    if (_writers.TryGetValue(credit.Peer, out var writer)) writer.OnDemand(credit, _now, out _);
                }

                if (!reads) continue;
                while (Producer.TryTakeFrame(1024, long.MaxValue, _now, out var down))
                {
                    busy = true;
                    _reader.OnFrame(down, _now, out _);
                }

                while (_reader.TryTake(out _)) busy = true;
                while (_reader.TryTakeDemand(_now, out var demand))
                {
                    busy = true;
                    Producer.OnDemand(demand, _now, out _);
                    _reader.OnAnswered(demand, _now);
                }
            }
        }
    }
}

/// <summary>For tests that look at the whole process: nothing runs beside them.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
