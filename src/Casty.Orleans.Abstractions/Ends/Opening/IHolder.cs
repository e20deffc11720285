namespace Casty.Orleans;

/// <summary>A ref, as what it holds sees it.</summary>
internal interface IHolder<TEnd>
    where TEnd : class, IRefEnd
{
    /// <summary>What is thrown once the ref was handed over.</summary>
    Exception HandedOver();

    /// <summary>Takes the place elsewhere that the ref stands for. Begins in the turn of whoever uses the ref first.</summary>
    Task<TEnd> OpenAsync();

    /// <summary>That place is taken.</summary>
    void OnOpen(TEnd end);
}
