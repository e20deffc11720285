namespace Casty.Orleans;

/// <summary>The activation that a producer belongs to, as the producer sees it. Called on any thread.</summary>
internal interface IProducerHome<T>
{
    /// <summary>Nothing of that producer is left.</summary>
    void OnReleased(ProducerEnd<T> producer);

    /// <summary>Another activation's producer has the place of that one.</summary>
    void OnReplaced(ProducerEnd<T> producer);
}
